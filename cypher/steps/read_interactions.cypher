// purpose: all interactions of one type (here SAVED), for a snapshot
// parameters: $properties: names of the properties to read: time, weight, what makes it positive, whether feedback wrote it
// columns: user (key), item (key), values (of the properties)
// index: none, reads every interaction of the type
// retryable: yes
MATCH (u:User)-[r:SAVED]->(i:Item)
RETURN u.key AS user, i.key AS item, [name IN $properties | r[name]] AS values
