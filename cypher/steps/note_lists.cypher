// purpose: notes which lists a run is published with
// parameters: $run: id; $publisher: token of the lease; $lists: digest of the lists
// columns: none
// index: Run.id
// retryable: yes
MATCH (r:Run {id: $run})
WHERE r.publisher = $publisher
SET r.lists = $lists
