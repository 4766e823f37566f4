// purpose: notes how far a file was loaded
// parameters: $key: file and table; $properties: file, table, sha256, mapping, items, rows,
//             rejected, loaded, at
// columns: none
// index: none, one node for each file
// retryable: yes
MERGE (f:LoadedFile {key: $key})
SET f += $properties
