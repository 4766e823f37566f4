// purpose: notes that a file was loaded to its end
// parameters: $key: file and table; $properties: file, table, sha256, mapping, items, rows,
//             rejected, at
// columns: none
// index: none, one node for each file
// retryable: yes
MERGE (f:LoadedFile {key: $key})
SET f += $properties
