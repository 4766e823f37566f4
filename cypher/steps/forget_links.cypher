// purpose: removes some of the relationships of a user, until none is left
// parameters: $user: key of the user; $size: at most so many
// columns: none
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})
MATCH (u)-[r]-()
WITH r LIMIT $size
DELETE r
