// purpose: removes the lists of runs that are not kept
// parameters: $keep: ids of the runs to keep; $rows: user keys
// columns: none
// index: User.key
// retryable: yes
UNWIND $rows AS key
MATCH (:User {key: key})-[r:RECOMMENDED]->()
WHERE NOT r.run IN $keep
DELETE r
