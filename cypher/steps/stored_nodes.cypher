// purpose: some properties of some nodes: of those about to be written, or of items for a snapshot
// parameters: $rows: each with place and key; $names: names of the properties to read
// columns: place, values (of the properties)
// index: Item.key
// retryable: yes
UNWIND $rows AS row
MATCH (n:Item {key: row.key})
RETURN row.place AS place, [name IN $names | n[name]] AS values
