// purpose: makes a run the active one, and the one before it superseded, with what refreshed it
// parameters: $run: id; $publisher: token of the lease
// columns: none
// index: Run.id
// retryable: yes
MATCH (run:Run {id: $run})
WHERE run.publisher = $publisher
MATCH (r:Run)
WHERE r.id = $run OR r.state IN ['active', 'refresh']
SET r.state = CASE WHEN r.id = $run THEN 'active' ELSE 'superseded' END
