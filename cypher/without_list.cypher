// group: users
// purpose: users without a recommendation of the run that they read, the busiest first
// parameters: $k = 10: at most this many rows
// columns: user (key), run (that the user reads, or null), items (met)
// index: none, reads every user
// retryable: yes
MATCH (u:User)
WHERE NOT EXISTS { MATCH (u)-[r:RECOMMENDED]->() WHERE r.run = u.run }
RETURN u.key AS user, u.run AS run, COUNT { (u)-[:SAVED]->(:Item) } AS items
ORDER BY items DESC, user
LIMIT toInteger($k)
