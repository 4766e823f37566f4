// group: items
// purpose: the items that those who met an item have also met
// parameters: $item: key of the item; $domain = null: name of a domain, or null for all; $k = 10: at most this many rows
// columns: item (key), title, domain, users (who met both), share (of those who met the other item)
// index: Item.key
// retryable: yes
MATCH (of:Item {key: $item})
MATCH (of)<-[:SAVED]-(u:User)-[:SAVED]->(i:Item)
WHERE i <> of AND ($domain IS NULL OR i.domain = $domain)
WITH i, count(DISTINCT u) AS users
WITH i, users, toFloat(users) / COUNT { (i)<-[:SAVED]-(:User) } AS share
RETURN i.key AS item, i.title AS title, i.domain AS domain, users, share
ORDER BY users * share DESC, item
LIMIT toInteger($k)
