// purpose: all interactions of one type (here SAVED), for a snapshot; a driver takes lists several
//          times as fast as records
// parameters: $properties: names of the properties to read: time, weight, what makes it positive, whether feedback wrote it
// columns: user (key), items (keys), values (of the properties, a list for each item)
// index: none, reads every user, and every interaction of the type
// retryable: yes
MATCH (u:User)
CALL (u) {
  MATCH (u)-[r:SAVED]->(i:Item)
  RETURN collect(i.key) AS items, collect([name IN $properties | r[name]]) AS values
}
RETURN u.key AS user, items, values
