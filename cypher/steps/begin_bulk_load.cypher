// purpose: notes that a bulk load begins, so that nobody takes what there is of it for the whole
// parameters: $token: tells this bulk load from another
// columns: none
// index: none, one node
// retryable: yes
MERGE (b:BulkLoad {token: $token})
