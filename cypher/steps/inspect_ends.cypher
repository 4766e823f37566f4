// purpose: which labels the relationships of one type (here SAVED) join, seen on some of them
// parameters: $sample: at most so many relationships
// columns: sources, targets (labels of the nodes at the two ends), count
// index: none, reads the first relationships of the type
// retryable: yes
MATCH (s)-[r:SAVED]->(t)
WITH s, r, t LIMIT $sample
RETURN labels(s) AS sources, labels(t) AS targets, count(*) AS count
