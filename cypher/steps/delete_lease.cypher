// purpose: removes the lease for publishing
// parameters: none
// columns: none
// index: PublishLease.name
// retryable: yes
MATCH (l:PublishLease)
DELETE l
