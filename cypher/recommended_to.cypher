// group: recommendations
// purpose: who is recommended an item, those first who have it near the top
// parameters: $item: key of the item; $k = 10: at most this many rows
// columns: user (key), rank (in the domain, from 1), score, because (title of the past item that counted most), because_item (its key)
// index: Item.key
// retryable: yes
MATCH (i:Item {key: $item})
MATCH (i)<-[r:RECOMMENDED]-(u:User)
WHERE r.run = u.run
WITH u, r
ORDER BY r.rank, r.score DESC, u.key
LIMIT toInteger($k)
OPTIONAL MATCH (past:Item {key: r.because})
RETURN u.key AS user, r.rank AS rank, r.score AS score, past.title AS because,
       r.because AS because_item
ORDER BY rank, score DESC, user
