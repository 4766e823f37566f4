// purpose: writes those items of one domain (here Fantasy), or entities of one kind, that are not
//          there; looked for by one label: by two, ArcadeDB would read all nodes
// parameters: $rows: each with key, and properties (id, domain or name, and those of the mapping)
// columns: none
// index: Item.key
// retryable: yes
UNWIND $rows AS row
OPTIONAL MATCH (o:Item {key: row.key})
WITH row, o
WHERE o IS NULL
CREATE (n:Item:Fantasy {key: row.key})
SET n += row.properties
