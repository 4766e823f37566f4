// group: items
// purpose: items that are like an item, in its own domain or in others
// parameters: $item: key of the item; $domain = null: name of a domain, or null for all; $k = 10: at most this many rows
// columns: item (key), title, domain, rank, score (cosine, -1 to 1), run
// index: Item.key
// retryable: yes
MATCH (run:Run {state: 'active'})
MATCH (of:Item {key: $item})
MATCH (of)-[r:SIMILAR]->(i:Item)
WHERE r.run = run.id AND ($domain IS NULL OR i.domain = $domain)
RETURN i.key AS item, i.title AS title, i.domain AS domain, r.rank AS rank, r.score AS score,
       r.run AS run
ORDER BY score DESC, item
LIMIT toInteger($k)
