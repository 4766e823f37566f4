// purpose: notes why the publishing of a run ended
// parameters: $run: id; $publisher: token of the lease; $reason: one line
// columns: none
// index: Run.id
// retryable: yes
MATCH (r:Run {id: $run})
WHERE r.state = 'publishing' AND r.publisher = $publisher
SET r.state = 'failed', r.reason = $reason
