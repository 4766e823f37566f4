// purpose: the least and the largest value of a property of one type (here SAVED), seen on some
// parameters: $name: of the property; $sample: at most so many relationships
// columns: least, most
// index: none, reads the first relationships of the type
// retryable: yes
MATCH ()-[r:SAVED]->()
WITH r[$name] AS value LIMIT $sample
RETURN min(value) AS least, max(value) AS most
