// purpose: notes which lists a run is published with
// parameters: $run: id; $lists: digest of the lists
// columns: none
// index: Run.id
// retryable: yes
MATCH (r:Run {id: $run})
SET r.lists = $lists
