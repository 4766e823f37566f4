// purpose: some properties of items of one domain (here Fantasy), or of entities of one kind,
//          that are about to be written; looked for by one label: by two, ArcadeDB reads all nodes,
//          and a condition on the second may make Neo4j read all that have it
// parameters: $rows: each with place and key; $names: names of the properties to read
// columns: place, values (of the properties; null for a node of another kind)
// index: Item.key
// retryable: yes
UNWIND $rows AS row
MATCH (n:Item {key: row.key})
RETURN row.place AS place,
       CASE WHEN n:Fantasy THEN [name IN $names | n[name]] END AS values
