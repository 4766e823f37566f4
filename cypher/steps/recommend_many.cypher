// purpose: the recommendations of many users at once, each as `recommend` gives them
// parameters: $users: keys of the users; $domain: name of a domain, or null for all; $k: at most this many rows a user
// columns: user (key), item (key), title, domain, rank (in the domain, from 1), score, because (title of the past item that counted most), because_item (its key), run, gnn, linear, transitions, text, relations, popularity (the parts of the score)
// index: User.key
// retryable: yes
UNWIND $users AS key
MATCH (u:User {key: key})
WITH key, u, u.run AS run
CALL (u, run) {
  MATCH (u)-[r:RECOMMENDED]->(i:Item)
  WHERE r.run = run AND ($domain IS NULL OR r.domain = $domain)
    AND NOT EXISTS { (u)-[:SAVED]->(i) }
    AND NOT EXISTS { MATCH (u)-[f:FEEDBACK]->(i) WHERE f.counts IN ['negative', 'hidden'] }
  RETURN r, i
  ORDER BY r.rank, r.score DESC, i.key
  LIMIT $k
}
OPTIONAL MATCH (past:Item {key: r.because})
RETURN key AS user, i.key AS item, i.title AS title, r.domain AS domain, r.rank AS rank,
       r.score AS score, past.title AS because, r.because AS because_item,
       r.run AS run, r.gnn AS gnn, r.linear AS linear, r.text AS text,
       r.transitions AS transitions, coalesce(r.relations, 0.0) AS relations,
       r.popularity AS popularity
ORDER BY user, rank, score DESC, item
