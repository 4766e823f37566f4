// group: domains
// purpose: the entities that tie two domains together, those with most items first
// parameters: $domain: one domain; $other: the other one; $k = 10: at most this many rows
// columns: name, kind, items (in the first domain), others (in the other one)
// index: Item.domain
// retryable: yes
MATCH (i:Item {domain: $domain})--(e:Entity)
WITH e, count(DISTINCT i) AS items
MATCH (e)--(o:Item {domain: $other})
WITH e, items, count(DISTINCT o) AS others
RETURN e.name AS name, head([l IN labels(e) WHERE l <> 'Entity']) AS kind, items, others
ORDER BY items * others DESC, name
LIMIT toInteger($k)
