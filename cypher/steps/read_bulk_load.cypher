// purpose: the bulk load that has begun and is not finished
// parameters: none
// columns: token (tells one bulk load from another)
// index: none, one node
// retryable: yes
MATCH (b:BulkLoad)
RETURN b.token AS token
