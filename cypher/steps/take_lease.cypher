// purpose: takes the lease of a name, or renews it, where no other holds it; the first SET locks it before the look
// parameters: $name: publish or ingest; $token: of the one who asks; $fresh: whether to take it, not only to renew it; $holder, $what: who that is, and what for; $milliseconds: how long it lasts
// columns: none
// index: Lease.name
// retryable: yes
MATCH (l:Lease {name: $name})
SET l.asked = l.asked + 1
WITH l
WHERE l.token = $token OR ($fresh AND (l.token IS NULL OR l.until < timestamp()))
SET l.token = $token, l.holder = $holder, l.what = $what, l.until = timestamp() + $milliseconds
