// purpose: all entities of one kind (here Author), for a snapshot
// parameters: none
// columns: key, name
// index: none, reads every entity of the kind
// retryable: yes
MATCH (e:Author)
RETURN e.key AS key, e.name AS name
