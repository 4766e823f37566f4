// purpose: makes some users read no run, until none does
// parameters: $runs: ids of the runs; $size: at most so many
// columns: none
// index: none, reads the users
// retryable: yes
MATCH (u:User)
WHERE u.run IN $runs
WITH u LIMIT $size
REMOVE u.run
