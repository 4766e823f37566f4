// purpose: whether an adopted graph uses for itself what Linkspan would write; lists count only while it has no run of Linkspan's
// parameters: none
// columns: runs, leases, recommended, similar, feedback, users, items (each whether there are such)
// index: none, stops at the first
// retryable: yes
RETURN EXISTS { MATCH (r:Run) WHERE r.state IS NULL OR r.fingerprint IS NULL } AS runs,
       EXISTS { MATCH (l:Lease) WHERE l.asked IS NULL } AS leases,
       NOT EXISTS { MATCH (r:Run) } AND EXISTS { MATCH ()-[:RECOMMENDED]->() } AS recommended,
       NOT EXISTS { MATCH (r:Run) } AND EXISTS { MATCH ()-[:SIMILAR]->() } AS similar,
       NOT EXISTS { MATCH (r:Run) } AND EXISTS { MATCH ()-[:FEEDBACK]->() } AS feedback,
       NOT EXISTS { MATCH (r:Run) } AND EXISTS { MATCH (u:User) WHERE u.run IS NOT NULL } AS users,
       NOT EXISTS { MATCH (r:Run) } AND EXISTS {
         MATCH (i:Item)
         WHERE i.vector_a IS NOT NULL OR i.text_vector_a IS NOT NULL
            OR i.vector_b IS NOT NULL OR i.text_vector_b IS NOT NULL } AS items
