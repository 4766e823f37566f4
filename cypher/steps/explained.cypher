// purpose: what is stored of one recommendation; no row where there is no such user or item
// parameters: $user: key of the user; $item: key of the item
// columns: user (key), item (key), title, domain, met (how the user met the item, or null), said (negative or hidden, where feedback takes it out of the list), run (that the user reads), rank, score (null where the item is not in the user's list), parts (of the score, by name), because (key of the past item that counted most), because_title, because_domain, because_met (how the user met it)
// index: User.key, Item.key
// retryable: yes
MATCH (u:User {key: $user})
WITH u, u.run AS run
MATCH (i:Item {key: $item})
OPTIONAL MATCH (u)-[r:RECOMMENDED]->(i)
WHERE r.run = run
OPTIONAL MATCH (u)-[:SAME_AS*0..]-(:User)-[met:SAVED]->(i)
OPTIONAL MATCH (u)-[f:FEEDBACK]->(i)
WHERE f.counts IN ['negative', 'hidden']
WITH u, i, r, run, min(type(met)) AS met, min(f.counts) AS said
OPTIONAL MATCH (past:Item {key: coalesce(r.because, '')})
// ArcadeDB would take a past that is null for any item, were it named in the pattern
OPTIONAL MATCH (u)-[:SAME_AS*0..]-(:User)-[had:SAVED]->(mine:Item)
WHERE mine = past
RETURN u.key AS user, i.key AS item, i.title AS title, i.domain AS domain, met, said,
       run, r.rank AS rank, r.score AS score,
       CASE WHEN r IS NULL THEN null ELSE {gnn: r.gnn, linear: r.linear,
         transitions: r.transitions, text: r.text, relations: coalesce(r.relations, 0.0),
         popularity: r.popularity} END AS parts,
       past.key AS because, past.title AS because_title, past.domain AS because_domain,
       min(type(had)) AS because_met
LIMIT 1
