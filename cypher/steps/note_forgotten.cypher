// purpose: notes that users were forgotten
// parameters: $rows: each with hash (of the key) and id (hash of the id)
// columns: none
// index: none, reads every forgotten user
// retryable: yes
UNWIND $rows AS row
MERGE (f:Forgotten {hash: row.hash})
SET f.id = row.id
