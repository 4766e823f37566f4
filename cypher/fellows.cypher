// group: users
// purpose: the users who have most in common with a user, for their number of items
// parameters: $user: key of the user; $k = 10: at most this many rows
// columns: fellow (key), shared (items that both met), items (that the fellow met), likeness (cosine of the two sets)
// index: User.key
// retryable: yes
MATCH (:User {key: $user})-[:SAME_AS*0..]-(one:User)
WITH collect(DISTINCT one) AS own
UNWIND own AS one
MATCH (one)-[:SAVED]->(i:Item)
WITH own, collect(DISTINCT i) AS shelf
UNWIND shelf AS i
MATCH (i)<-[:SAVED]-(u:User)
WHERE NOT u IN own
WITH shelf, u, count(DISTINCT i) AS shared
WITH shelf, u, shared, COUNT { (u)-[:SAVED]->(:Item) } AS items
RETURN u.key AS fellow, shared, items,
       shared / sqrt(toFloat(size(shelf) * items)) AS likeness
ORDER BY likeness DESC, fellow
LIMIT toInteger($k)
