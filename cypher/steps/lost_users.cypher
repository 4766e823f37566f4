// purpose: users that read a run whose lists will be removed
// parameters: $keep: ids of the runs whose lists stay
// columns: key
// index: none, reads every user
// retryable: yes
MATCH (u:User)
WHERE NOT u.run IN $keep
RETURN u.key AS key
