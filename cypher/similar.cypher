// group: items
// purpose: items that are like an item, in its own domain or in others
// parameters: $item: key of the item; $domain = null: name of a domain, or null for all; $kind = "states": states (like by what was learned) or relations (by what both share in the graph); $k = 10: at most this many rows
// columns: item (key), title, domain, rank, score (cosine, -1 to 1), run, how (type of the relation by which both are tied; null for states), by (name of what ties them)
// index: Item.key
// retryable: yes
MATCH (run:Run {state: 'active'})
MATCH (of:Item {key: $item})
MATCH (of)-[r:SIMILAR]->(i:Item)
WHERE r.run = run.id AND coalesce(r.kind, 'states') = $kind
  AND ($domain IS NULL OR i.domain = $domain)
RETURN i.key AS item, i.title AS title, i.domain AS domain, r.rank AS rank, r.score AS score,
       r.run AS run, r.how AS how, r.by AS by
ORDER BY score DESC, item
LIMIT toInteger($k)
