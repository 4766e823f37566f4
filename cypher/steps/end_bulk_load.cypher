// purpose: notes that the bulk load is finished
// parameters: none
// columns: none
// index: none, one node
// retryable: yes
MATCH (b:BulkLoad)
DELETE b
