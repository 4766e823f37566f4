// purpose: the properties that relationships of one type (here SAVED) have, seen on some of them
// parameters: none
// columns: name
// index: none, reads 1,000 relationships at most
// retryable: yes
MATCH ()-[r:SAVED]->()
WITH r LIMIT 1000
UNWIND keys(r) AS name
RETURN DISTINCT name
ORDER BY name
