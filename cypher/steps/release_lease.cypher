// purpose: gives the lease for publishing back; the first SET locks it before the look
// parameters: $token: of the one who holds it
// columns: none
// index: PublishLease.name
// retryable: yes
MATCH (l:PublishLease {name: 'publish'})
SET l.asked = l.asked + 1
WITH l
WHERE l.token = $token
SET l.token = null
