// purpose: who holds the lease of a name
// parameters: $name: publish or ingest
// columns: token (null: nobody), holder, what, until (milliseconds UTC)
// index: Lease.name
// retryable: yes
MATCH (l:Lease {name: $name})
RETURN l.token AS token, l.holder AS holder, l.what AS what, l.until AS until
