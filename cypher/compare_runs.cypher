// group: runs and health
// purpose: how much the lists of two runs agree, domain by domain
// parameters: $run: id of a run; $other: id of the other one
// columns: domain, recommendations (of the first run), others (of the other one), same (in both, of the same user), agreement (same of the first), same_first (users with the same item at rank 1)
// index: none, reads every list
// retryable: yes
MATCH (u:User)
CALL (u) {
  MATCH (u)-[r:RECOMMENDED]->(i:Item)
  WHERE r.run IN [$run, $other]
  WITH i, r.domain AS domain, max(r.run = $run) AS here, max(r.run = $other) AS there,
       sum(r.rank) AS ranks
  RETURN domain, count(CASE WHEN here THEN 1 END) AS recommendations,
         count(CASE WHEN there THEN 1 END) AS others,
         count(CASE WHEN here AND there THEN 1 END) AS same,
         count(CASE WHEN here AND there AND ranks = 2 THEN 1 END) AS same_first
}
WITH domain, sum(recommendations) AS recommendations, sum(others) AS others, sum(same) AS same,
     sum(same_first) AS same_first
RETURN domain, recommendations, others, same,
       CASE WHEN recommendations > 0 THEN toFloat(same) / recommendations END AS agreement,
       same_first
ORDER BY domain
