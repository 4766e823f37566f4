// purpose: the names of an adopted graph, as each run knew them
// parameters: none
// columns: run, names (as JSON, or null)
// index: none, runs are few
// retryable: yes
MATCH (r:Run)
RETURN r.id AS run, r.names AS names
ORDER BY r.created DESC
