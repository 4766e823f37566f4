// purpose: whether the graph has any node of a label (here Item)
// parameters: none
// columns: found (0 or 1)
// index: none, stops at the first
// retryable: yes
MATCH (n:Item)
WITH n LIMIT 1
RETURN count(n) AS found
