// purpose: users whose key begins with a text
// parameters: $text: what it begins with; $k: at most this many rows
// columns: user (key), items (met)
// index: User.key
// retryable: yes
MATCH (u:User)
WHERE u.key STARTS WITH $text
WITH u
ORDER BY u.key
LIMIT toInteger($k)
RETURN u.key AS user, COUNT { MATCH (u)-[:SAVED]->(i:Item) RETURN DISTINCT i } AS items
ORDER BY user
