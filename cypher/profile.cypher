// group: users
// purpose: how much a user has met and is recommended in each domain
// parameters: $user: key of the user
// columns: domain, items (met), first (time in ms UTC, or a position), last, recommended (items)
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})
WITH u, u.run AS run
CALL (u, run) {
  MATCH (u)-[:SAME_AS*0..]-(one:User)
  WITH DISTINCT one
  MATCH (one)-[r:SAVED]->(i:Item)
  RETURN i.domain AS domain, i AS met, null AS listed, r.at AS at
  UNION ALL
  MATCH (u)-[r:RECOMMENDED]->(i:Item)
  WHERE r.run = run
  RETURN r.domain AS domain, null AS met, i AS listed, null AS at
}
RETURN domain, count(DISTINCT met) AS items, min(at) AS first, max(at) AS last,
       count(DISTINCT listed) AS recommended
ORDER BY items DESC, domain
