// group: runs and health
// purpose: the lists in the graph by run: whose run is gone, or never became active, shows here
// parameters: none
// columns: run, state (of the run; null where it is gone), users (with a list of it), recommendations, readers (users who read it)
// index: none, reads every list
// retryable: yes
MATCH (u:User)-[r:RECOMMENDED]->()
WITH r.run AS run, count(DISTINCT u) AS users, count(r) AS recommendations,
     count(DISTINCT CASE WHEN u.run = r.run THEN u END) AS readers
OPTIONAL MATCH (of:Run {id: run})
RETURN run, of.state AS state, users, recommendations, readers
ORDER BY run DESC
