// purpose: deletes nodes of one label (here Item) with all their relationships
// parameters: $rows: each with key
// columns: none
// index: Item.key
// retryable: yes
UNWIND $rows AS row
MATCH (n:Item {key: row.key})
DETACH DELETE n
