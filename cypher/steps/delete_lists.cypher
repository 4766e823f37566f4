// purpose: removes some relationships of one type (here RECOMMENDED) that runs wrote, until none is left
// parameters: $runs: ids of the runs; $size: at most so many
// columns: none
// index: none, reads the relationships of the type
// retryable: yes
MATCH ()-[r:RECOMMENDED]->()
WHERE r.run IN $runs
WITH r LIMIT $size
DELETE r
