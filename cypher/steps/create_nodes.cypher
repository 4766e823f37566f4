// purpose: writes items of one domain (here Fantasy), or entities of one kind, that are new
// parameters: $rows: each with key, and properties (id, domain or name, and those of the mapping)
// columns: none
// index: none, it makes nodes
// retryable: no, what stands there is not looked for
UNWIND $rows AS row
CREATE (n:Item:Fantasy {key: row.key})
SET n += row.properties
