// group: domains
// purpose: how many users two domains share, for each pair of domains
// parameters: none
// columns: domain, other, users (who met both), share (of the smaller domain's users)
// index: none, reads every interaction
// retryable: yes
MATCH (u:User)-[:SAVED]->(i:Item)
WITH u, collect(DISTINCT i.domain) AS met
UNWIND met AS domain
UNWIND met AS other
WITH domain, other, count(u) AS users
WITH collect({domain: domain, other: other, users: users}) AS pairs
UNWIND [p IN pairs WHERE p.domain < p.other] AS pair
WITH pair, [p IN pairs WHERE p.domain = p.other AND p.domain IN [pair.domain, pair.other]
            | p.users] AS sizes
RETURN pair.domain AS domain, pair.other AS other, pair.users AS users,
       toFloat(pair.users) / CASE WHEN sizes[0] < sizes[1] THEN sizes[0] ELSE sizes[1] END
         AS share
ORDER BY users DESC, domain, other
