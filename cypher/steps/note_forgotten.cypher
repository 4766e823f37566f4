// purpose: notes that users were forgotten, those that are not noted yet
// parameters: $rows: each with hash (of the key) and id (hash of the id)
// columns: none
// index: Forgotten.hash
// retryable: yes
UNWIND $rows AS row
OPTIONAL MATCH (o:Forgotten {hash: row.hash})
WITH row, o
WHERE o IS NULL
CREATE (f:Forgotten {hash: row.hash})
SET f.id = row.id
