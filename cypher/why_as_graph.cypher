// group: graph browser
// purpose: what ties a recommended item to a user's past, to look at in a graph browser
// parameters: $user: key of the user; $item: key of the item; $k = 20: at most this many paths
// columns: tie (paths; a graph browser draws them)
// index: User.key, Item.key
// retryable: yes
MATCH (u:User {key: $user})
MATCH (i:Item {key: $item})
WITH u, i, u.run AS run
CALL (u, i, run) {
  MATCH tie = (u)-[r:RECOMMENDED]->(i)
  WHERE r.run = run
  RETURN tie
  UNION ALL
  MATCH tie = (u)-[:SAVED]->(:Item)--(:Entity)--(i)
  RETURN tie
  UNION ALL
  MATCH tie = (u)-[:SAVED]->(:Item)<-[:SAVED]-(fellow:User)-[:SAVED]->(i)
  WHERE fellow <> u
  RETURN tie
}
RETURN tie
LIMIT toInteger($k)
