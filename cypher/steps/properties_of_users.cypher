// purpose: some properties of all users, for the rules on what is published
// parameters: $properties: their names
// columns: key, found (a value for each name, or null)
// index: none, reads every user
// retryable: yes
MATCH (u:User)
RETURN u.key AS key, [name IN $properties | u[name]] AS found
