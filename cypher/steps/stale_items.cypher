// purpose: items that still have similar items of runs that are not kept
// parameters: $keep: ids of the runs to keep
// columns: key
// index: none, reads every list once
// retryable: yes
MATCH (i:Item)-[r:SIMILAR]->()
WHERE NOT r.run IN $keep
RETURN DISTINCT i.key AS key
