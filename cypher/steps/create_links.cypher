// purpose: writes new relationships of one type (here SAVED)
// parameters: $rows: each with source (key), target (key) and properties
// columns: none
// index: User.key, Item.key
// retryable: no, what stands there is not looked for
UNWIND $rows AS row
MATCH (s:User {key: row.source})
MATCH (t:Item {key: row.target})
CREATE (s)-[r:SAVED]->(t)
SET r += row.properties
