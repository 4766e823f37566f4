// purpose: makes the node that is the lease for publishing
// parameters: none
// columns: none
// index: PublishLease.name
// retryable: yes
MERGE (l:PublishLease {name: 'publish'})
SET l.asked = coalesce(l.asked, 0)
