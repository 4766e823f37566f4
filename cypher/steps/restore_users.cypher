// purpose: makes users read the lists of the active run again
// parameters: $run: id; $rows: user keys
// columns: none
// index: User.key
// retryable: yes
UNWIND $rows AS key
MATCH (u:User {key: key})
SET u.run = $run
