// purpose: marks runs whose publishing was broken off and that another run takes over from
// parameters: $run: id of the run that is published now
// columns: none
// index: none, runs are few
// retryable: yes
MATCH (r:Run)
WHERE r.state = 'publishing' AND r.id <> $run
SET r.state = 'failed', r.users = 0, r.items = 0
