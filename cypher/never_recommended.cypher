// group: items
// purpose: the items of a domain that stand in nobody's list, the most popular first
// parameters: $domain: name of the domain; $k = 10: at most this many rows
// columns: item (key), title, users (who met it)
// index: Item.domain
// retryable: yes
MATCH (i:Item {domain: $domain})
WHERE NOT EXISTS { MATCH (i)<-[r:RECOMMENDED]-(u:User) WHERE r.run = u.run }
RETURN i.key AS item, i.title AS title, COUNT { (i)<-[:SAVED]-(:User) } AS users
ORDER BY users DESC, item
LIMIT toInteger($k)
