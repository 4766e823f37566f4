// purpose: writes similar items beside the old ones, and how far it has come
// parameters: $run: id; $publisher: token of the lease; $done: items with a list after this batch; $rows: each an item (key) and others, these too as lists, shorter than maps: item (key), then the properties in the order below
// columns: none
// index: Run.id, Item.key
// retryable: yes, a batch that was written already is left out
MATCH (run:Run {id: $run})
WHERE run.items < $done AND run.publisher = $publisher
SET run.items = $done
WITH run
UNWIND $rows AS row
MATCH (i:Item {key: row[0]})
UNWIND row[1] AS x
MATCH (o:Item {key: x[0]})
CREATE (i)-[:SIMILAR {run: $run, kind: x[1], rank: x[2], score: x[3], how: x[4], by: x[5]}]->(o)
