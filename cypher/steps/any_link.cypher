// purpose: whether the graph has any relationship of a type (here SAVED)
// parameters: none
// columns: found (0 or 1)
// index: none, stops at the first
// retryable: yes
MATCH ()-[r:SAVED]->()
WITH r LIMIT 1
RETURN count(r) AS found
