// purpose: writes items of one domain (here Fantasy), new ones and changed ones
// parameters: $rows: each with key, and properties (id, domain and those of the mapping)
// columns: none
// index: Item.key
// retryable: yes
UNWIND $rows AS row
MERGE (n:Item:Fantasy {key: row.key})
SET n += row.properties
