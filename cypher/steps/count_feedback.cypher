// purpose: how many relationships of one type (here FEEDBACK) feedback wrote
// parameters: $mark: property that those have
// columns: count
// index: none, reads the relationships of the type
// retryable: yes
MATCH ()-[r:FEEDBACK]->()
WHERE r[$mark] IS NOT NULL
RETURN count(r) AS count
