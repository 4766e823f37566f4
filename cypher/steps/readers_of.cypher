// purpose: users who read a run
// parameters: $run: id
// columns: key
// index: none, reads every user
// retryable: yes
MATCH (u:User)
WHERE u.run = $run
RETURN u.key AS key
