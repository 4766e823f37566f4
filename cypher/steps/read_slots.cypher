// purpose: the slots in which the vectors of runs are
// parameters: none
// columns: run, state, slot (a, b or null), kept (whether it is active, or its lists are in the graph)
// index: none, runs are few
// retryable: yes
MATCH (r:Run)
RETURN r.id AS run, r.state AS state, r.vectors AS slot,
       r.state = 'active' OR coalesce(r.users, 0) > 0 AS kept
