// purpose: the properties that nodes of one label (here Item) have, seen on some of them
// parameters: $sample: at most so many nodes
// columns: name, type, filled (nodes that have it, of that type)
// index: none, reads the first nodes of the label
// retryable: yes
MATCH (n:Item)
WITH n LIMIT $sample
UNWIND keys(n) AS name
RETURN name, valueType(n[name]) AS type, count(*) AS filled
ORDER BY name, type
