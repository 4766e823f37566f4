// purpose: the outline of the graph that the active run was trained on
// parameters: none
// columns: run (id), outline (JSON; null where an earlier version published)
// index: none, runs are few
// retryable: yes
MATCH (r:Run {state: 'active'})
RETURN r.id AS run, r.outline AS outline
