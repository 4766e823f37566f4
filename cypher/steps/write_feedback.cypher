// purpose: writes what users said of items, with the run and rank that they were shown, and an interaction (here SAVED) where it counts as positive
// parameters: $rows: each with place, user (key), item (key), kind, counts, at (ms UTC), run (or null: the user's own), adds (whether it may become an interaction: one of each pair does, or of each pair and time), repeat (whether it does where the two have one) and properties (of the interaction); $moment: the same again within so many ms is left out
// columns: place, run, rank (of those that are new)
// index: User.key, Item.key
// retryable: yes, what stands there already is left out
UNWIND $rows AS row
MATCH (u:User {key: row.user})
MATCH (i:Item {key: row.item})
// Both servers may look at all rows before they write the first, so that a pair of rows must not
// ask for what one of them makes. Two who say the same at once have to wait for each other, on both servers.
SET u.feedback_at = row.at
WITH row, u, i
WHERE NOT EXISTS {
  MATCH (u)-[f:FEEDBACK]->(i) WHERE f.kind = row.kind AND abs(f.at - row.at) < $moment
}
OPTIONAL MATCH (u)-[shown:RECOMMENDED]->(i)
WHERE shown.run = coalesce(row.run, u.run)
CREATE (u)-[f:FEEDBACK {kind: row.kind, counts: row.counts, at: row.at, run: shown.run,
  rank: shown.rank, domain: coalesce(shown.domain, i.domain)}]->(i)
WITH row, u, i, f,
     CASE WHEN row.adds AND (row.repeat OR NOT EXISTS { (u)-[:SAVED]->(i) })
       THEN [row.properties] ELSE [] END AS new
FOREACH (properties IN new | CREATE (u)-[s:SAVED]->(i) SET s = properties)
RETURN row.place AS place, f.run AS run, f.rank AS rank
