// purpose: what the graph has of relationships that are about to be written
// parameters: $rows: each with place, source (key) and target (key); $names: names of the properties
// columns: place, values (of the properties)
// index: User.key, Item.key
// retryable: yes
UNWIND $rows AS row
MATCH (s:User {key: row.source})
MATCH (t:Item {key: row.target})
MATCH (s)-[r:SAVED]->(t)
RETURN row.place AS place, [name IN $names | r[name]] AS values
