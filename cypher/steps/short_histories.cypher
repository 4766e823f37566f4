// purpose: users with few interactions in few domains, for the demo's reader
// parameters: $least, $most: number of interactions; $domains: at most so many domains
// columns: user (key), domains (names)
// index: none, reads every interaction once
// retryable: yes
MATCH (u:User)-[:SAVED]->(i:Item)
WITH u, count(i) AS events, collect(DISTINCT i.domain) AS domains
WHERE events >= $least AND events <= $most AND size(domains) <= $domains
RETURN u.key AS user, domains
