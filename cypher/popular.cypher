// group: new users
// purpose: the items of a domain that most users have met
// parameters: $domain: name of the domain; $k = 10: at most this many rows
// columns: item (key), title, users
// index: Item.domain
// retryable: yes
MATCH (i:Item {domain: $domain})<-[:SAVED]-(u:User)
WITH i, count(DISTINCT u) AS users
RETURN i.key AS item, i.title AS title, users
ORDER BY users DESC, item
LIMIT toInteger($k)
