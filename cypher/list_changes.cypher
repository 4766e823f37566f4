// group: recommendations
// purpose: what two runs say to a user: the places of each item in both lists
// parameters: $user: key of the user; $run: id of a run; $other: id of the other one
// columns: domain, item (key), title, rank (in the first run's list, or null), other_rank (in the other one's, or null)
// index: User.key
// retryable: yes
MATCH (u:User {key: $user})-[r:RECOMMENDED]->(i:Item)
WHERE r.run IN [$run, $other]
WITH r.domain AS domain, i,
     min(CASE WHEN r.run = $run THEN r.rank END) AS rank,
     min(CASE WHEN r.run = $other THEN r.rank END) AS other_rank
RETURN domain, i.key AS item, i.title AS title, rank, other_rank
ORDER BY domain, coalesce(rank, 1000000), other_rank, item
