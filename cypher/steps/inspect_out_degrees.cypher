// purpose: how many relationships of one type (here SAVED) nodes of one label (here User) have going out
// parameters: $sample: at most so many nodes
// columns: degree, nodes (with this degree)
// index: none, reads the first nodes of the label
// retryable: yes
MATCH (n:User)
WITH n LIMIT $sample
RETURN COUNT { (n)-[:SAVED]->() } AS degree, count(*) AS nodes
ORDER BY degree
