// purpose: how many users read the list of a run
// parameters: $runs: ids of the runs
// columns: count
// index: none, reads the users
// retryable: yes
MATCH (u:User)
WHERE u.run IN $runs
RETURN count(u) AS count
