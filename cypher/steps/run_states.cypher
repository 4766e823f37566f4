// purpose: the state of each run, the latest first
// parameters: none
// columns: run, state, kept (whether its lists are in the graph), lists (digest of the lists)
// index: none, runs are few
// retryable: yes
MATCH (r:Run)
RETURN r.id AS run, r.state AS state, coalesce(r.users, 0) > 0 AS kept, r.lists AS lists
ORDER BY r.created DESC, run DESC
