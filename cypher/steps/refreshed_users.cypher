// purpose: users who have lists of some runs, with the latest of these
// parameters: $runs: ids, which sort by time
// columns: key, run
// index: none, reads every list once
// retryable: yes
MATCH (u:User)-[r:RECOMMENDED]->()
WHERE r.run IN $runs
RETURN u.key AS key, max(r.run) AS run
