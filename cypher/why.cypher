// group: recommendations
// purpose: what ties an item to the latest 200 items of a user's past: entities that both have, relations, likeness of text, and fellow users (not where the active run has a privacy budget)
// parameters: $user: key of the user; $item: key of the item; $k = 10: at most this many paths
// columns: past (key), past_title, past_domain, item_title, cross_domain (whether the two ends are of two domains), kind (Item: a relation; Text; User: fellow users; else the kind of the entity), by (name of what ties), how (relationship type), ties (items that the entity has, or fellow users), strength (0 to 1, specific ties are stronger)
// index: User.key, Item.key
// retryable: yes
MATCH (:User {key: $user})-[:SAME_AS*0..]-(u:User)
WITH DISTINCT u
MATCH (u)-[r:SAVED]->(past:Item)
WITH past, max(r.at) AS at
ORDER BY at DESC, past.key
LIMIT 200
WITH collect(past) AS pasts
MATCH (:User {key: $user})-[:SAME_AS*0..]-(me:User)
WITH pasts, collect(DISTINCT me) AS us
MATCH (i:Item {key: $item})
CALL (us, pasts, i) {
  // An entity of n items: 1 / log2(n), after Adamic and Adar (2003)
  MATCH (i)-[via:WRITTEN_BY|IN_SERIES|TAGGED]-(e:Entity)
  WITH pasts, i, collect({e: e, how: type(via)}) AS own
  UNWIND pasts AS past
  MATCH (past)-[same:WRITTEN_BY|IN_SERIES|TAGGED]-(e:Entity)
  WHERE past <> i AND any(tie IN own WHERE tie.e = e AND tie.how = type(same))
  WITH e, type(same) AS how, collect(DISTINCT past) AS mine
  CALL (e) {
    MATCH (e)-[:WRITTEN_BY|IN_SERIES|TAGGED]-(one:Item)
    WITH one LIMIT 5000
    RETURN count(one) AS items
  }
  UNWIND mine AS past
  RETURN past, head([l IN labels(e) WHERE l <> 'Entity']) AS kind, e.name AS by, how,
         items AS ties, log(2.0) / log(CASE WHEN items > 2 THEN items ELSE 2 END) AS strength
  UNION ALL
  // A relation: its weight over the largest that the item has in that type
  MATCH (i)-[via:WRITTEN_BY|IN_SERIES|TAGGED]-(other:Item)
  WITH pasts, i, via, other LIMIT 5000
  WITH pasts, i, type(via) AS how, max(coalesce(via.weight, 1.0)) AS most,
       collect({past: other, weight: coalesce(via.weight, 1.0)}) AS found
  UNWIND found AS tie
  WITH pasts, i, how, most, tie.past AS past, tie.weight AS weight
  WHERE past IN pasts AND past <> i
  RETURN past, 'Item' AS kind, how AS by, how, 1 AS ties,
         CASE WHEN most > 0 THEN toFloat(weight) / most ELSE 0.0 END AS strength
  UNION ALL
  // Likeness of text: what the cosine has above 0.5; of two at right angles Neo4j says 0.5, not 0
  MATCH (run:Run {state: 'active'})
  WITH pasts, i AS here, run.vectors AS slot,
       vector.similarity.cosine([1.0, 0.0], [0.0, 1.0]) AS zero
  WITH pasts, here, slot, zero,
       CASE slot WHEN 'a' THEN here.text_vector_a WHEN 'b' THEN here.text_vector_b END AS text
  WHERE text IS NOT NULL
  UNWIND pasts AS node
  WITH node, here, text, zero,
       CASE slot WHEN 'a' THEN node.text_vector_a WHEN 'b' THEN node.text_vector_b END AS own
  WHERE own IS NOT NULL AND node <> here
  WITH node, (vector.similarity.cosine(own, text) - zero) / (1 - zero) AS cosine
  WHERE cosine > 0.5
  RETURN node AS past, 'Text' AS kind, 'likeness of text' AS by, 'TEXT' AS how, 1 AS ties,
         2 * cosine - 1 AS strength
  UNION ALL
  // Fellow users: cosine of the two items' users, from 1,000 of those who met the item; none where
  // the run has a privacy budget, which bounds what anyone is told of others
  OPTIONAL MATCH (run:Run {state: 'active'})
  WITH us, pasts, i, count(run.privacy) AS bounded
  WHERE bounded = 0
  MATCH (i)<-[:SAVED]-(fellow:User)
  WHERE NOT fellow IN us
  WITH pasts, i, fellow LIMIT 1000
  MATCH (fellow)-[own:SAVED]->(past:Item)
  WHERE past IN pasts AND past <> i
  WITH i, past, min(type(own)) AS how, count(DISTINCT fellow) AS ties
  WITH past, how, ties, toFloat(COUNT { (i)<-[:SAVED]-() }) AS here,
       COUNT { (past)<-[:SAVED]-() } AS there
  WITH past, how, ties, sqrt(here / there) * ties /
       CASE WHEN here < 1000 THEN here ELSE 1000.0 END AS cosine
  RETURN past, 'User' AS kind,
         ties + CASE WHEN ties = 1 THEN ' fellow user' ELSE ' fellow users' END AS by, how, ties,
         CASE WHEN cosine > 1 THEN 1.0 ELSE cosine END AS strength
}
RETURN past.key AS past, past.title AS past_title, past.domain AS past_domain,
       i.title AS item_title, past.domain <> i.domain AS cross_domain,
       kind, by, how, ties, strength
ORDER BY strength DESC, past, by
LIMIT toInteger($k)
