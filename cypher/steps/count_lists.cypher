// purpose: how many relationships of one type (here RECOMMENDED) runs wrote
// parameters: $runs: ids of the runs
// columns: count
// index: none, reads the relationships of the type
// retryable: yes
MATCH ()-[r:RECOMMENDED]->()
WHERE r.run IN $runs
RETURN count(r) AS count
