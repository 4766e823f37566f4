// group: items
// purpose: items of other domains that are like an item
// parameters: $item: key of the item; $kind = "states": states (like by what was learned) or relations (by what both share in the graph); $k = 10: at most this many rows
// columns: item (key), title, domain, score (cosine, -1 to 1)
// index: Item.key
// retryable: yes
MATCH (run:Run {state: 'active'})
MATCH (of:Item {key: $item})
MATCH (of)-[r:SIMILAR]->(i:Item)
WHERE r.run = run.id AND coalesce(r.kind, 'states') = $kind
  AND i.domain <> of.domain
RETURN i.key AS item, i.title AS title, i.domain AS domain, r.score AS score
ORDER BY score DESC, item
LIMIT toInteger($k)
