// group: recommendations
// purpose: the best items of each domain for a user, domain by domain
// parameters: $user: key of the user; $k = 3: at most this many items a domain
// columns: domain, rank (in the domain, from 1), item (key), title, score, because (title of the past item that counted most)
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})
WITH u, u.run AS run
MATCH (u)-[r:RECOMMENDED]->(i:Item)
WHERE r.run = run AND r.rank <= $k
  AND NOT EXISTS { (u)-[:SAVED]->(i) }
  AND NOT EXISTS { MATCH (u)-[f:FEEDBACK]->(i) WHERE f.counts IN ['negative', 'hidden'] }
OPTIONAL MATCH (past:Item {key: r.because})
RETURN r.domain AS domain, r.rank AS rank, i.key AS item, i.title AS title, r.score AS score,
       past.title AS because
ORDER BY domain, rank
