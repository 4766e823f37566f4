// group: domains
// purpose: the pairs of items of two domains that are most alike
// parameters: $domain: one domain; $other: the other one; $kind = "states": states (like by what was learned) or relations (by what both share in the graph); $k = 10: at most this many rows
// columns: item (key, in the first domain), title, other_item (key, in the other one), other_title, score (cosine, -1 to 1)
// index: Item.domain
// retryable: yes
MATCH (run:Run {state: 'active'})
MATCH (i:Item {domain: $domain})-[r:SIMILAR]->(o:Item)
WHERE r.run = run.id AND coalesce(r.kind, 'states') = $kind
  AND o.domain = $other
RETURN i.key AS item, i.title AS title, o.key AS other_item, o.title AS other_title,
       r.score AS score
ORDER BY score DESC, item, other_item
LIMIT toInteger($k)
