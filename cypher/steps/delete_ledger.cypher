// purpose: forgets that a file was loaded, before it is loaded again
// parameters: $key: file and table
// columns: none
// index: none, one node for each file
// retryable: yes
MATCH (f:LoadedFile {key: $key})
DELETE f
