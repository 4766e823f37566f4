// purpose: writes properties of items, entities or users that are there
// parameters: $rows: each with key, and properties
// columns: none
// index: Item.key
// retryable: yes
UNWIND $rows AS row
MATCH (n:Item {key: row.key})
SET n += row.properties
