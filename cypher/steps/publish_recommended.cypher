// purpose: writes lists of recommendations beside the old ones, and how far it has come
// parameters: $run: id; $publisher: token of the lease; $done: users with a list after this batch; $rows: user (key) and items, each with the properties of one recommendation and item (key)
// columns: none
// index: Run.id, User.key, Item.key
// retryable: yes, a batch that was written already is left out
MATCH (run:Run {id: $run})
WHERE run.users < $done AND run.publisher = $publisher
SET run.users = $done
WITH run
UNWIND $rows AS row
MATCH (u:User {key: row.user})
UNWIND row.items AS x
MATCH (i:Item {key: x.item})
CREATE (u)-[:RECOMMENDED {run: $run, domain: x.domain, rank: x.rank, score: x.score, gnn: x.gnn,
  linear: x.linear, transitions: x.transitions, text: x.text, relations: x.relations,
  popularity: x.popularity, because: x.because}]->(i)
