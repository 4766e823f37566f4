// purpose: writes similar items beside the old ones, and how far it has come
// parameters: $run: id; $publisher: token of the lease; $done: items with a list after this batch; $rows: item (key) and others, each with item (key), kind, rank, score, how and by
// columns: none
// index: Run.id, Item.key
// retryable: yes, a batch that was written already is left out
MATCH (run:Run {id: $run})
WHERE run.items < $done AND run.publisher = $publisher
SET run.items = $done
WITH run
UNWIND $rows AS row
MATCH (i:Item {key: row.item})
UNWIND row.others AS x
MATCH (o:Item {key: x.item})
CREATE (i)-[:SIMILAR {run: $run, kind: x.kind, rank: x.rank, score: x.score, how: x.how,
  by: x.by}]->(o)
