// purpose: what a user has in the graph, by type
// parameters: $user: key of the user
// columns: type, count
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})
MATCH (u)-[r]-()
RETURN type(r) AS type, count(*) AS count
ORDER BY type
