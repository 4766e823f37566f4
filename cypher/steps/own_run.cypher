// purpose: says who may switch users to a run
// parameters: $run: id; $publisher: token of the lease
// columns: none
// index: Run.id
// retryable: yes
MATCH (r:Run {id: $run})
SET r.publisher = $publisher
