// purpose: notes in which slot the vectors of a run are
// parameters: $run: id; $slot: a or b; $parts: what follows the names of the indexes
// columns: none
// index: Run.id
// retryable: yes
MATCH (r:Run {id: $run})
SET r.vectors = $slot, r.vector_parts = $parts
