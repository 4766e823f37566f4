// purpose: who holds the lease for publishing
// parameters: none
// columns: token (null: nobody), holder, what, until (milliseconds UTC)
// index: PublishLease.name
// retryable: yes
MATCH (l:PublishLease {name: 'publish'})
RETURN l.token AS token, l.holder AS holder, l.what AS what, l.until AS until
