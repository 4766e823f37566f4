// group: users
// purpose: what a user has met so far, under any of the keys that are SAME_AS, the latest first
// parameters: $user: key of the user; $domain = null: name of a domain, or null for all; $k = 10: at most this many rows
// columns: item (key), title, domain, interaction (its type), at (time in ms UTC, or a position)
// index: User.key
// retryable: yes
MATCH (:User {key: $user})-[:SAME_AS*0..]-(u:User)
WITH DISTINCT u
MATCH (u)-[r:SAVED]->(i:Item)
WHERE $domain IS NULL OR i.domain = $domain
RETURN i.key AS item, i.title AS title, i.domain AS domain, type(r) AS interaction, r.at AS at
ORDER BY at DESC, item
LIMIT toInteger($k)
