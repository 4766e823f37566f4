// purpose: a user with a list that an entity ties to the user's past, to fill in the parameters of saved queries
// parameters: none
// columns: user (key), item (key), domain, entity (key)
// index: none, stops at the first
// retryable: yes
MATCH (u:User)-[r:RECOMMENDED {rank: 1}]->(i:Item)
WHERE r.run = u.run
WITH u, r, i
LIMIT 50
MATCH (u)-[:SAVED]->(past:Item)--(e:Entity)--(i)
WITH u, r, i, e, COUNT { (e)--(:Item) } AS items
WHERE items < 100
RETURN u.key AS user, i.key AS item, r.domain AS domain, e.key AS entity
ORDER BY items, user, item
LIMIT 1
