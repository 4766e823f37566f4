// purpose: users that still have lists of runs that are not kept
// parameters: $keep: ids of the runs to keep
// columns: key
// index: none, reads every list once
// retryable: yes
MATCH (u:User)-[r:RECOMMENDED]->()
WHERE NOT r.run IN $keep
RETURN DISTINCT u.key AS key
