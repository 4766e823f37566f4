// purpose: the runs that refreshed another one for some of its users, the latest first
// parameters: none
// columns: run, base (the run they refreshed), state (publishing, refresh, superseded or failed), kept (whether its lists are in the graph)
// index: none, runs are few
// retryable: yes
MATCH (r:Run)
WHERE r.base IS NOT NULL
RETURN r.id AS run, r.base AS base, r.state AS state, coalesce(r.users, 0) > 0 AS kept
ORDER BY r.created DESC, run DESC
