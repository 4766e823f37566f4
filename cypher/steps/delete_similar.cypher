// purpose: removes the similar items of runs that are not kept
// parameters: $keep: ids of the runs to keep; $rows: item keys
// columns: none
// index: Item.key
// retryable: yes
UNWIND $rows AS key
MATCH (i:Item {key: key})
MATCH (i)-[r:SIMILAR]->()
WHERE NOT r.run IN $keep
DELETE r
