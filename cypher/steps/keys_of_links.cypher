// purpose: the ends of all relationships of one type (here SAVED) between two labels, but for those that feedback wrote
// parameters: none
// columns: source (key), target (key), at (or null)
// index: none, reads every relationship of the type
// retryable: yes
MATCH (s:User)-[r:SAVED]->(t:Item)
WHERE r.from_feedback IS NULL
RETURN s.key AS source, t.key AS target, r.at AS at
