// group: recommendations
// purpose: a user's recommendations that come from what the user met in another domain
// parameters: $user: key of the user; $k = 10: at most this many rows
// columns: item (key), title, domain, rank (in the domain, from 1), score, because (title of the past item that counted most), because_domain (its domain)
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})
WITH u, u.run AS run
MATCH (u)-[r:RECOMMENDED]->(i:Item)
WHERE r.run = run
  AND NOT EXISTS { (u)-[:SAVED]->(i) }
  AND NOT EXISTS { MATCH (u)-[f:FEEDBACK]->(i) WHERE f.counts IN ['negative', 'hidden'] }
OPTIONAL MATCH (past:Item {key: r.because})
WITH r, i, past
WHERE past.domain <> r.domain
RETURN i.key AS item, i.title AS title, r.domain AS domain, r.rank AS rank, r.score AS score,
       past.title AS because, past.domain AS because_domain
ORDER BY rank, score DESC, item
LIMIT toInteger($k)
