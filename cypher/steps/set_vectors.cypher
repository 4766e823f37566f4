// purpose: as publish_vectors, for Neo4j: as many bytes as a vector needs (4 a number), where SET takes twice as many
// parameters: $run: id; $publisher: token of the lease; $rows: each with item (key), properties (a hash; null removes one) and vectors (name to numbers)
// columns: none
// index: Run.id, Item.key
// retryable: yes
MATCH (run:Run {id: $run})
WHERE run.publisher = $publisher
UNWIND $rows AS row
MATCH (i:Item {key: row.item})
SET i += row.properties
WITH i, row
UNWIND keys(row.vectors) AS name
CALL db.create.setNodeVectorProperty(i, name, row.vectors[name])
