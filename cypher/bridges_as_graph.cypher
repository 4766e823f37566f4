// group: graph browser
// purpose: the entities that tie two domains, with their items, to look at in a graph browser
// parameters: $domain: one domain; $other: the other one; $k = 30: at most this many paths
// columns: tie (paths; a graph browser draws them)
// index: Item.domain
// retryable: yes
MATCH (i:Item {domain: $domain})--(e:Entity)
WITH e, collect(DISTINCT i) AS items
WHERE size(items) < 20
MATCH (e)--(o:Item {domain: $other})
WITH e, items, collect(DISTINCT o) AS others
WHERE size(others) < 20
WITH e, items, others
ORDER BY size(items) * size(others) DESC, e.key
LIMIT 3
UNWIND items + others AS i
MATCH tie = (i)--(e)
RETURN tie
LIMIT toInteger($k)
