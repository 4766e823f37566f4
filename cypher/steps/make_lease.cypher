// purpose: makes the node that is the lease of a name
// parameters: $name: publish or ingest
// columns: none
// index: Lease.name
// retryable: yes
MERGE (l:Lease {name: $name})
SET l.asked = coalesce(l.asked, 0)
