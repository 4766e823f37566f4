// purpose: the labels of what users (here User) have met by one type (here SAVED), seen on some users
// parameters: $sample: at most so many users
// columns: user (element id), labels (of one item)
// index: none, reads the first users
// retryable: yes
MATCH (u:User)
WITH u LIMIT $sample
MATCH (u)-[:SAVED]->(i)
RETURN DISTINCT elementId(u) AS user, labels(i) AS labels
