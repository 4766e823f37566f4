// purpose: forgets files that were loaded, as the mapping no longer names them
// parameters: $rows: each with key (file and table)
// columns: none
// index: none, one node for each file
// retryable: yes
UNWIND $rows AS row
MATCH (f:LoadedFile {key: row.key})
DELETE f
