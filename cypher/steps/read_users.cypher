// purpose: all users, for a snapshot
// parameters: none
// columns: key, id
// index: none, reads every user
// retryable: yes
MATCH (u:User)
RETURN u.key AS key, u.id AS id
