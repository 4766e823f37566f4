// purpose: removes some relationships of one type (here FEEDBACK) that feedback wrote, until none is left
// parameters: $mark: property that those have; $size: at most so many
// columns: none
// index: none, reads the relationships of the type
// retryable: yes
MATCH ()-[r:FEEDBACK]->()
WHERE r[$mark] IS NOT NULL
WITH r LIMIT $size
DELETE r
