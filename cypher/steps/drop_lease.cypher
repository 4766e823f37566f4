// purpose: removes the lease of a name where nobody holds it; the first SET locks it before the look
// parameters: $name: publish or ingest
// columns: none
// index: Lease.name
// retryable: yes
MATCH (l:Lease {name: $name})
SET l.asked = l.asked + 1
WITH l
WHERE l.token IS NULL OR l.until < timestamp()
DELETE l
