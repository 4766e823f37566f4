// purpose: makes users read the lists of another run
// parameters: $run: id; $publisher: token of the lease; $rows: user keys
// columns: none
// index: Run.id, User.key
// retryable: yes
MATCH (run:Run {id: $run})
WHERE run.publisher = $publisher
UNWIND $rows AS key
MATCH (u:User {key: key})
SET u.run = $run
