// group: recommendations
// purpose: a user's recommendations in the domains of which the user has met nothing yet
// parameters: $user: key of the user; $k = 10: at most this many rows
// columns: item (key), title, domain, rank (in the domain, from 1), score, because (title of the past item that counted most)
// index: User.key
// retryable: yes
MATCH (:User {key: $user})-[:SAME_AS*0..]-(one:User)
OPTIONAL MATCH (one)-[:SAVED]->(met:Item)
WITH collect(DISTINCT met.domain) AS known
MATCH (u:User {key: $user})
WITH known, u, u.run AS run
MATCH (u)-[r:RECOMMENDED]->(i:Item)
WHERE r.run = run AND NOT r.domain IN known
  AND NOT EXISTS { (u)-[:SAVED]->(i) }
  AND NOT EXISTS { MATCH (u)-[f:FEEDBACK]->(i) WHERE f.counts IN ['negative', 'hidden'] }
WITH r, i
ORDER BY r.rank, r.score DESC, i.key
LIMIT toInteger($k)
OPTIONAL MATCH (past:Item {key: r.because})
RETURN i.key AS item, i.title AS title, r.domain AS domain, r.rank AS rank, r.score AS score,
       past.title AS because
ORDER BY rank, score DESC, item
