// purpose: writes users that are new
// parameters: $rows: each with key, and properties (id, domain where users are not shared, and
//             those of the mapping)
// columns: none
// index: none, it makes nodes
// retryable: no, what stands there is not looked for
UNWIND $rows AS row
CREATE (n:User {key: row.key})
SET n += row.properties
