// purpose: gives the lease of a name back; the first SET locks it before the look
// parameters: $name: publish or ingest; $token: of the one who holds it
// columns: none
// index: Lease.name
// retryable: yes
MATCH (l:Lease {name: $name})
SET l.asked = l.asked + 1
WITH l
WHERE l.token = $token
SET l.token = null
