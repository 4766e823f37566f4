// purpose: deletes relationships of one type (here SAVED)
// parameters: $rows: each with source (key), target (key) and at; null for at means any
// columns: none
// index: User.key, Item.key
// retryable: yes
UNWIND $rows AS row
MATCH (s:User {key: row.source})
MATCH (t:Item {key: row.target})
MATCH (s)-[r:SAVED]->(t)
WHERE row.at IS NULL OR r.at = row.at
DELETE r
