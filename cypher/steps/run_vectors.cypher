// purpose: notes in which slot the vectors of a run are, which no other run has then
// parameters: $run: id; $publisher: token of the lease; $slot: a or b; $parts: what follows the names of the indexes
// columns: run; no row where another publishes
// index: Run.id
// retryable: yes
MATCH (run:Run {id: $run})
WHERE run.publisher = $publisher
MATCH (r:Run)
WHERE r.id = $run OR r.vectors = $slot
SET r.vectors = CASE WHEN r.id = $run THEN $slot END,
    r.vector_parts = CASE WHEN r.id = $run THEN $parts END
RETURN r.id AS run
