// purpose: what the graph has of nodes that are about to be written
// parameters: $rows: each with place and key; $names: names of the properties to read
// columns: place, values (of the properties)
// index: Item.key
// retryable: yes
UNWIND $rows AS row
MATCH (n:Item {key: row.key})
RETURN row.place AS place, [name IN $names | n[name]] AS values
