// purpose: says of runs whose lists will be removed that they have none; those that were being published failed
// parameters: $run: id of the run that is published now; $keep: ids of the runs whose lists stay
// columns: none
// index: none, runs are few
// retryable: yes
MATCH (r:Run)
WHERE NOT r.id IN $keep
SET r.reason = CASE WHEN r.state = 'publishing' AND r.id <> $run
                    THEN 'it was broken off, and ' + $run + ' published' ELSE r.reason END,
    r.state = CASE WHEN r.state = 'publishing' AND r.id <> $run THEN 'failed' ELSE r.state END,
    r.publisher = CASE WHEN r.id = $run THEN r.publisher END,
    r.users = 0, r.items = 0, r.vectors = null
