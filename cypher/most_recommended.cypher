// group: items
// purpose: the items of a domain that stand in most lists
// parameters: $domain: name of the domain; $k = 10: at most this many rows
// columns: item (key), title, lists, first (lists in which it has rank 1), users (who met it)
// index: Item.domain
// retryable: yes
MATCH (i:Item {domain: $domain})<-[r:RECOMMENDED]-(u:User)
WHERE r.run = u.run
WITH i, count(r) AS lists, sum(CASE WHEN r.rank = 1 THEN 1 ELSE 0 END) AS first
RETURN i.key AS item, i.title AS title, lists, first,
       COUNT { (i)<-[:SAVED]-(:User) } AS users
ORDER BY lists DESC, item
LIMIT toInteger($k)
