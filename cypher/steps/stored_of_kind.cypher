// purpose: some properties of items of one domain (here Fantasy), or of entities of one kind,
//          that are about to be written; looked for by one label: by two, ArcadeDB reads all nodes
// parameters: $rows: each with place and key; $names: names of the properties to read
// columns: place, values (of the properties)
// index: Item.key
// retryable: yes
UNWIND $rows AS row
MATCH (n:Item {key: row.key})
WHERE n:Fantasy
RETURN row.place AS place, [name IN $names | n[name]] AS values
