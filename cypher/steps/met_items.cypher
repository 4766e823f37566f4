// purpose: the items that a user has met, under any of the keys that are SAME_AS
// parameters: $user: key of the user
// columns: item (key)
// index: User.key
// retryable: yes
MATCH (:User {key: $user})-[:SAME_AS*0..]-(u:User)
WITH DISTINCT u
MATCH (u)-[:SAVED]->(i:Item)
RETURN DISTINCT i.key AS item
