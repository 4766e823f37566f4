// purpose: which files were loaded, and as what
// parameters: none
// columns: key, properties
// index: none, one node for each file
// retryable: yes
MATCH (f:LoadedFile)
RETURN f.key AS key, properties(f) AS properties
