// purpose: removes a user, with what is left of the user's relationships
// parameters: $user: key of the user
// columns: none
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})
DETACH DELETE u
