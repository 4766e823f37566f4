// purpose: removes runs
// parameters: $runs: ids of the runs
// columns: none
// index: Run.id
// retryable: yes
MATCH (r:Run)
WHERE r.id IN $runs
DELETE r
