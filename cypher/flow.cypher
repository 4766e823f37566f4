// group: domains
// purpose: which domains lead to recommendations in which: where the past item that counted most lies
// parameters: $rank = 1: recommendations down to this rank; $k = 10: at most this many rows
// columns: because_of (domain of the past item), recommended_in (domain), recommendations
// index: none, reads every list
// retryable: yes
MATCH (u:User)-[r:RECOMMENDED]->()
WHERE r.run = u.run AND r.rank <= $rank
WITH r.because AS key, r.domain AS recommended_in, count(*) AS lists
CALL (key) {
  MATCH (past:Item {key: key})
  RETURN past.domain AS because_of
}
RETURN because_of, recommended_in, sum(lists) AS recommendations
ORDER BY recommendations DESC, because_of, recommended_in
LIMIT toInteger($k)
