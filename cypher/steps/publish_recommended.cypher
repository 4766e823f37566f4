// purpose: writes lists of recommendations beside the old ones, and how far it has come
// parameters: $run: id; $publisher: token of the lease; $done: users with a list after this batch; $rows: each a user (key) and recommendations, these too as lists, shorter than maps: item (key), then the properties in the order below
// columns: none
// index: Run.id, User.key, Item.key
// retryable: yes, a batch that was written already is left out
MATCH (run:Run {id: $run})
WHERE run.users < $done AND run.publisher = $publisher
SET run.users = $done
WITH run
UNWIND $rows AS row
MATCH (u:User {key: row[0]})
UNWIND row[1] AS x
MATCH (i:Item {key: x[0]})
CREATE (u)-[:RECOMMENDED {run: $run, domain: x[1], rank: x[2], score: x[3], gnn: x[4],
  linear: x[5], transitions: x[6], text: x[7], relations: x[8], popularity: x[9],
  because: x[10]}]->(i)
