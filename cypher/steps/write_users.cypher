// purpose: writes users, new ones and changed ones
// parameters: $rows: each with key, and properties (id, domain where users are not shared, and
//             those of the mapping)
// columns: none
// index: User.key
// retryable: yes
UNWIND $rows AS row
MERGE (n:User {key: row.key})
SET n += row.properties
