// purpose: writes entities of one kind (here Author), new ones and changed ones
// parameters: $rows: each with key, and properties (name and those of the mapping)
// columns: none
// index: Entity.key
// retryable: yes
UNWIND $rows AS row
MERGE (n:Entity:Author {key: row.key})
SET n += row.properties
