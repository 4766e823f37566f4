// group: runs and health
// purpose: how much of each domain is recommended, and to how many
// parameters: none
// columns: domain, items (of the domain), recommended (of those), share, users (with a list in the domain)
// index: none, reads every list
// retryable: yes
CALL () {
  MATCH (i:Item)
  WITH i, EXISTS { MATCH (i)<-[r:RECOMMENDED]-(u:User) WHERE r.run = u.run } AS listed
  RETURN i.domain AS domain, count(i) AS items, sum(CASE WHEN listed THEN 1 ELSE 0 END)
    AS recommended, 0 AS users
  UNION ALL
  MATCH (u:User)-[r:RECOMMENDED]->()
  WHERE r.run = u.run AND r.rank = 1
  RETURN r.domain AS domain, 0 AS items, 0 AS recommended, count(r) AS users
}
WITH domain, sum(items) AS items, sum(recommended) AS recommended, sum(users) AS users
RETURN domain, items, recommended, toFloat(recommended) / items AS share, users
ORDER BY domain
