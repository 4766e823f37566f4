// group: recommendations
// purpose: the lists of many users as plain rows, to hand on to another program
// parameters: $users = []: keys of the users; $k = 10: at most this many items a domain
// columns: user (key), item (key), score
// index: User.key
// retryable: yes
UNWIND $users AS key
MATCH (u:User {key: key})
WITH u, u.run AS run
MATCH (u)-[r:RECOMMENDED]->(i:Item)
WHERE r.run = run AND r.rank <= $k
  AND NOT EXISTS { (u)-[:SAVED]->(i) }
  AND NOT EXISTS { MATCH (u)-[f:FEEDBACK]->(i) WHERE f.counts IN ['negative', 'hidden'] }
RETURN u.key AS user, i.key AS item, r.score AS score
ORDER BY user, r.domain, r.rank
