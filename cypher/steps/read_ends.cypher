// purpose: which labels the relationships of one type (here SAVED) join, to check an adopted graph
// parameters: none
// columns: sources, targets (labels of the nodes at the two ends), count
// index: none, reads every relationship of the type
// retryable: yes
MATCH (s)-[r:SAVED]->(t)
RETURN labels(s) AS sources, labels(t) AS targets, count(*) AS count
