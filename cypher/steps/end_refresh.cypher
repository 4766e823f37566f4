// purpose: says how a refresh ended
// parameters: $run: id; $publisher: token of the lease; $state: refresh or superseded
// columns: none
// index: Run.id
// retryable: yes
MATCH (r:Run {id: $run})
WHERE r.publisher = $publisher
SET r.state = $state
