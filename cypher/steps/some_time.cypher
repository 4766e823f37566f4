// purpose: the time of one interaction (here SAVED) that no feedback wrote, to see whether there are times, and as what they are kept
// parameters: $at: name of the property; $mark: name of the property of those that feedback wrote
// columns: at
// index: none, stops at the first
// retryable: yes
MATCH ()-[r:SAVED]->()
WHERE r[$at] IS NOT NULL AND r[$mark] IS NULL
WITH r LIMIT 1
RETURN r[$at] AS at
