// group: new users
// purpose: what to recommend to someone of whom only a text is known: items like those whose title holds it
// parameters: $text: some words of a title; $domain = null: name of a domain, or null for all; $kind = "states": states (like by what was learned) or relations (by what both share in the graph); $k = 10: at most this many rows
// columns: item (key), title, domain, score (sum of cosines), because (title of the found item that counts most)
// index: none, reads the titles of all items
// retryable: yes
MATCH (run:Run {state: 'active'})
MATCH (of:Item)
WHERE toLower(of.title) CONTAINS toLower($text)
WITH run, of, COUNT { (of)<-[:SAVED]-() } AS users
ORDER BY users DESC, of.key
LIMIT 10
WITH run, collect(of) AS known
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
