// purpose: where the text vectors of the active run are
// parameters: none
// columns: run (id), encoder (name), slot (a or b), parts (endings of the names of the indexes)
// index: none, runs are few
// retryable: yes
MATCH (r:Run {state: 'active'})
RETURN r.id AS run, r.encoder AS encoder, r.vectors AS slot, r.vector_parts AS parts
