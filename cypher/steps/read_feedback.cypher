// purpose: what users said of items that decides what they are recommended, for a snapshot
// parameters: none
// columns: user (key), item (key), at (ms UTC), counts (positive, negative or hidden)
// index: none, reads all feedback
// retryable: yes
MATCH (u:User)-[f:FEEDBACK]->(i:Item)
WHERE f.counts IN ['positive', 'negative', 'hidden']
RETURN u.key AS user, i.key AS item, f.at AS at, f.counts AS counts
