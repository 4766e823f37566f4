// purpose: whether there is a user of this key
// parameters: $user: key of the user
// columns: found (the key); no row where there is none
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})
RETURN u.key AS found
