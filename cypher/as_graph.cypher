// group: graph browser
// purpose: a user's past and recommendations with what ties them, to look at in a graph browser
// parameters: $user: key of the user; $rank = 3: recommendations down to this rank in their domain
// columns: recommended, tie (paths; a graph browser draws them)
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})
WITH u, u.run AS run
MATCH recommended = (u)-[r:RECOMMENDED]->(i:Item)
WHERE r.run = run AND r.rank <= $rank
  AND NOT EXISTS { (u)-[:SAVED]->(i) }
  AND NOT EXISTS { MATCH (u)-[f:FEEDBACK]->(i) WHERE f.counts IN ['negative', 'hidden'] }
OPTIONAL MATCH tie = (u)-[:SAVED]->(:Item)--(e:Entity)--(i)
WHERE COUNT { (e)--(:Item) } < 100
RETURN recommended, tie
LIMIT 200
