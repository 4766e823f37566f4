// group: domains
// purpose: what was met in each domain: users, items, events, and when
// parameters: none
// columns: domain, interaction (type), users, items, events, first (time in ms UTC, or a position), last
// index: none, reads every interaction
// retryable: yes
MATCH (u:User)-[r:SAVED]->(i:Item)
RETURN i.domain AS domain, type(r) AS interaction, count(DISTINCT u) AS users,
       count(DISTINCT i) AS items, count(r) AS events, min(r.at) AS first, max(r.at) AS last
ORDER BY domain, interaction
