// group: recommendations
// purpose: a user's recommendations, best first within each domain, each with its reason; without what the user has met, disliked or dismissed since
// parameters: $user: key of the user; $domain = null: name of a domain, or null for all; $k = 10: at most this many rows
// columns: item (key), title, domain, rank (in the domain, from 1), score, because (title of the past item that counted most), because_item (its key), run, gnn, linear, transitions, text, relations, popularity (the parts of the score)
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})
WITH u, u.run AS run
MATCH (u)-[r:RECOMMENDED]->(i:Item)
WHERE r.run = run AND ($domain IS NULL OR r.domain = $domain)
  AND NOT EXISTS { (u)-[:SAVED]->(i) }
  AND NOT EXISTS { MATCH (u)-[f:FEEDBACK]->(i) WHERE f.counts IN ['negative', 'hidden'] }
WITH r, i
ORDER BY r.rank, r.score DESC, i.key
LIMIT toInteger($k)
OPTIONAL MATCH (past:Item {key: r.because})
RETURN i.key AS item, i.title AS title, r.domain AS domain, r.rank AS rank,
       r.score AS score, past.title AS because, r.because AS because_item,
       r.run AS run, r.gnn AS gnn, r.linear AS linear, r.text AS text,
       r.transitions AS transitions, coalesce(r.relations, 0.0) AS relations,
       r.popularity AS popularity
ORDER BY rank, score DESC, item
