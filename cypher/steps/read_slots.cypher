// purpose: the slots in which the vectors of runs are
// parameters: none
// columns: run, state, slot (a, b or null)
// index: none, runs are few
// retryable: yes
MATCH (r:Run)
RETURN r.id AS run, r.state AS state, r.vectors AS slot
