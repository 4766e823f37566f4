// purpose: writes ready-made vectors of items
// parameters: $rows: each with key, and properties (the vector)
// columns: none
// index: Item.key
// retryable: yes
UNWIND $rows AS row
MATCH (n:Item {key: row.key})
SET n += row.properties
