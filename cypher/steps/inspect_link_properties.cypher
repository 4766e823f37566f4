// purpose: the properties that relationships of one type (here SAVED) have, seen on some of them
// parameters: $sample: at most so many relationships
// columns: name, type, filled (relationships that have it, of that type)
// index: none, reads the first relationships of the type
// retryable: yes
MATCH ()-[r:SAVED]->()
WITH r LIMIT $sample
UNWIND keys(r) AS name
RETURN name, valueType(r[name]) AS type, count(*) AS filled
ORDER BY name, type
