// purpose: the time of one interaction (here SAVED), to see as what it is kept
// parameters: $at: name of the property
// columns: at
// index: none, stops at the first
// retryable: yes
MATCH ()-[r:SAVED]->()
WHERE r[$at] IS NOT NULL
WITH r LIMIT 1
RETURN r[$at] AS at
