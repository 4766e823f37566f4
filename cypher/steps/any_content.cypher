// purpose: labels of one node that is no lease; what a database has that is not empty
// parameters: none
// columns: labels (of that node)
// index: none, stops at the first
// retryable: yes
MATCH (n)
WHERE NOT (n:Lease OR n:PublishLease)
RETURN labels(n) AS labels
LIMIT 1
