// purpose: the properties that nodes of one label (here Item) have, seen on some of them
// parameters: none
// columns: name
// index: none, reads 1,000 nodes at most
// retryable: yes
MATCH (n:Item)
WITH n LIMIT 1000
UNWIND keys(n) AS name
RETURN DISTINCT name
ORDER BY name
