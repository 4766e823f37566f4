// purpose: writes vectors of a run's items into its slot
// parameters: $run: id; $publisher: token of the lease; $rows: each with item (key), properties (a hash; null removes one) and vectors (name to numbers)
// columns: none
// index: Run.id, Item.key
// retryable: yes
MATCH (run:Run {id: $run})
WHERE run.publisher = $publisher
UNWIND $rows AS row
MATCH (i:Item {key: row.item})
SET i += row.properties
SET i += row.vectors
