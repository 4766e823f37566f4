// group: runs and health
// purpose: the runs that were published into this graph, the latest first
// parameters: none
// columns: run, state (publishing, active, refresh, superseded, failed), created (ISO 8601), model, metrics (JSON), kept (whether its lists are in the graph: a superseded run that is kept can be rolled back to), reason (why it failed, or null), base (the run that it refreshed, or null), privacy (JSON of the budget that bounds what its lists tell of other users, or null)
// index: none, runs are few
// retryable: yes
MATCH (r:Run)
RETURN r.id AS run, r.state AS state, r.created AS created, r.model AS model, r.metrics AS metrics,
       coalesce(r.users, 0) > 0 AS kept, r.reason AS reason, r.base AS base,
       r.privacy AS privacy
ORDER BY created DESC
