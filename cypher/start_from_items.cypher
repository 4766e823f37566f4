// group: new users
// purpose: what to recommend to someone who is not in the graph and likes some items
// parameters: $items = []: keys of the items; $domain = null: name of a domain, or null for all; $kind = "states": states (like by what was learned) or relations (by what both share in the graph); $k = 10: at most this many rows
// columns: item (key), title, domain, score (sum of cosines), because (title of the liked item that counts most)
// index: Item.key
// retryable: yes
UNWIND $items AS key
MATCH (of:Item {key: key})
WITH collect(of) AS known
MATCH (run:Run {state: 'active'})
UNWIND known AS of
MATCH (of)-[r:SIMILAR]->(i:Item)
WHERE r.run = run.id AND coalesce(r.kind, 'states') = $kind
  AND NOT i IN known AND ($domain IS NULL OR i.domain = $domain)
WITH i, of, r
ORDER BY r.score DESC, of.key
WITH i, sum(r.score) AS score, head(collect(of.title)) AS because
RETURN i.key AS item, i.title AS title, i.domain AS domain, score, because
ORDER BY score DESC, item
LIMIT toInteger($k)
