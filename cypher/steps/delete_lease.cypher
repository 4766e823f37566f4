// purpose: removes all leases
// parameters: none
// columns: none
// index: Lease.name
// retryable: yes
MATCH (l:Lease)
WHERE l.name IN ['publish', 'ingest']
DELETE l
