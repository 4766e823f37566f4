// purpose: the keys under which one user is known
// parameters: $user: key of the user
// columns: key
// index: User.key
// retryable: yes
MATCH (:User {key: $user})-[:SAME_AS*0..]-(u:User)
RETURN DISTINCT u.key AS key
ORDER BY key
