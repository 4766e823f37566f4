// group: recommendations
// purpose: who is recommended an item, those first who have it near the top
// parameters: $item: key of the item; $k = 10: at most this many rows
// columns: user (key), rank (in the domain, from 1), score, because (key of the past item that counted most)
// index: Item.key
// retryable: yes
MATCH (i:Item {key: $item})
MATCH (i)<-[r:RECOMMENDED]-(u:User)
WHERE r.run = u.run
RETURN u.key AS user, r.rank AS rank, r.score AS score, r.because AS because
ORDER BY rank, score DESC, user
LIMIT toInteger($k)
