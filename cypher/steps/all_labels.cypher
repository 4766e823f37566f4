// purpose: all labels of the graph
// parameters: none
// columns: name
// index: none, the catalogue knows them
// retryable: yes
CALL db.labels() YIELD label
RETURN label AS name
ORDER BY name
