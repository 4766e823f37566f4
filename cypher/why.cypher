// group: recommendations
// purpose: what ties an item to a user's past: entities that both have, relations, and fellow users
// parameters: $user: key of the user; $item: key of the item; $k = 10: at most this many paths
// columns: past (key), past_title, kind (of the tie), by (name of what ties), how (relationship type), ties (items that the entity has, or fellow users), strength (0 to 1, rarer ties are stronger)
// index: User.key, Item.key
// retryable: yes
MATCH (:User {key: $user})-[:SAME_AS*0..]-(u:User)
WITH DISTINCT u
MATCH (i:Item {key: $item})
CALL (u, i) {
  MATCH (i)-[via]-(e:Entity)-[same]-(past:Item)<-[:SAVED]-(u)
  WHERE type(via) = type(same) AND past <> i
  WITH past, e, type(via) AS how, COUNT { (e)--(:Item) } AS items
  RETURN past, head([l IN labels(e) WHERE l <> 'Entity']) AS kind, e.name AS by, how,
         items AS ties, 1.0 / sqrt(toFloat(items)) AS strength
  UNION ALL
  MATCH (i)-[via]-(past:Item)<-[:SAVED]-(u)
  WHERE NOT type(via) IN ['SIMILAR', 'RECOMMENDED'] AND past <> i
  RETURN past, 'Item' AS kind, type(via) AS by, type(via) AS how, 1 AS ties, 1.0 AS strength
  UNION ALL
  MATCH (u)-[own:SAVED]->(past:Item)<-[:SAVED]-(fellow:User)-[:SAVED]->(i)
  WHERE fellow <> u AND past <> i
  WITH past, i, type(own) AS how, count(DISTINCT fellow) AS fellows
  RETURN past, 'User' AS kind, fellows + ' fellow users' AS by, how, fellows AS ties,
         toFloat(fellows) / sqrt(toFloat(COUNT { (past)<-[:SAVED]-() } * COUNT { (i)<-[:SAVED]-() }))
           AS strength
}
RETURN DISTINCT past.key AS past, past.title AS past_title, kind, by, how, ties, strength
ORDER BY strength DESC, past, by
LIMIT $k
