// group: runs and health
// purpose: what is in the graph, and what should not be: a line for each
// parameters: none
// columns: what, count, wanted (what the count should be; null where any will do)
// index: none, reads every node and list once
// retryable: yes
CALL () {
  MATCH (u:User)
  WITH count(u) AS count
  RETURN 1 AS place, 'users' AS what, count, null AS wanted
  UNION ALL
  MATCH (i:Item)
  WITH count(i) AS count
  RETURN 2 AS place, 'items' AS what, count, null AS wanted
  UNION ALL
  MATCH (:User)-[r:SAVED]->(:Item)
  WITH count(r) AS count
  RETURN 3 AS place, 'interactions' AS what, count, null AS wanted
  UNION ALL
  MATCH (run:Run {state: 'active'})
  WITH count(run) AS count
  RETURN 4 AS place, 'active runs' AS what, count, 1 AS wanted
  UNION ALL
  MATCH (run:Run {state: 'publishing'})
  WITH count(run) AS count
  RETURN 5 AS place, 'runs half published' AS what, count, 0 AS wanted
  UNION ALL
  MATCH (u:User)
  WITH u.run AS id, count(u) AS users
  OPTIONAL MATCH (run:Run {id: id})
  WITH sum(CASE WHEN run.state IN ['active', 'refresh'] THEN 0 ELSE users END) AS count
  RETURN 6 AS place, 'users who read neither the active run nor a refresh of it' AS what, count, 0 AS wanted
  UNION ALL
  MATCH (u:User)
  WHERE NOT EXISTS { MATCH (u)-[r:RECOMMENDED]->() WHERE r.run = u.run }
  WITH count(u) AS count
  RETURN 7 AS place, 'users without a list' AS what, count, 0 AS wanted
  UNION ALL
  MATCH (u:User)-[r:RECOMMENDED]->()
  WITH r.run AS id, r.run = u.run AS read, count(r) AS lines
  OPTIONAL MATCH (run:Run {id: id})
  WITH sum(CASE WHEN read THEN lines ELSE 0 END) AS read,
       sum(CASE WHEN run IS NULL THEN lines ELSE 0 END) AS gone
  UNWIND [[8, 'recommendations that are read', read, null],
          [9, 'recommendations of runs that are gone', gone, 0]] AS row
  RETURN row[0] AS place, row[1] AS what, row[2] AS count, row[3] AS wanted
}
RETURN what, count, wanted
ORDER BY place
