// purpose: the items that a user is not to be shown as popular: met, disliked or dismissed, under any of the keys that are SAME_AS, and what is SAME_AS them
// parameters: $user: key of the user
// columns: item (key)
// index: User.key
// retryable: yes
MATCH (:User {key: $user})-[:SAME_AS*0..]-(u:User)
WITH DISTINCT u
CALL (u) {
  MATCH (u)-[:SAVED]->(i:Item)
  RETURN i
  UNION
  MATCH (u)-[f:FEEDBACK]->(i:Item)
  WHERE f.counts IN ['positive', 'negative', 'hidden']
  RETURN i
}
WITH DISTINCT i
MATCH (i)-[:SAME_AS*0..]-(one:Item)
RETURN DISTINCT one.key AS item
