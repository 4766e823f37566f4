// group: recommendations
// purpose: a user's recommendations that one entity ties: by an author, with a tag
// parameters: $user: key of the user; $entity: key of the entity, as in author/Neil Gaiman; $k = 10: at most this many rows
// columns: item (key), title, domain, rank (in the domain, from 1), score
// index: Entity.key, User.key
// retryable: yes
MATCH (e:Entity {key: $entity})
MATCH (e)--(tied:Item)
WITH collect(DISTINCT tied) AS items
MATCH (u:User {key: $user})
WITH items, u, u.run AS run
MATCH (u)-[r:RECOMMENDED]->(i:Item)
WHERE r.run = run AND i IN items
  AND NOT EXISTS { (u)-[:SAVED]->(i) }
  AND NOT EXISTS { MATCH (u)-[f:FEEDBACK]->(i) WHERE f.counts IN ['negative', 'hidden'] }
RETURN i.key AS item, i.title AS title, r.domain AS domain, r.rank AS rank, r.score AS score
ORDER BY rank, score DESC, item
LIMIT toInteger($k)
