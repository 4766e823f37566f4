// group: runs and health
// purpose: what became of the recommendations of each run: shown, clicked on, accepted, refused
// parameters: none
// columns: run (null where the item stood in no list), domain, shown (pairs of user and item with any feedback), clicked (of those, or accepted), accepted, refused (disliked or dismissed), ctr (clicked by shown), rank (mean of the accepted)
// index: none, reads all feedback
// retryable: yes
MATCH (u:User)-[f:FEEDBACK]->(i:Item)
WITH f.run AS run, f.domain AS domain, u, i, collect(f.counts) AS counts, min(f.rank) AS rank
WITH run, domain, rank, 'positive' IN counts AS accepted, 'clicked' IN counts AS clicked,
     'negative' IN counts OR 'hidden' IN counts AS refused
WITH run, domain, count(*) AS shown, count(CASE WHEN clicked OR accepted THEN 1 END) AS clicked,
     count(CASE WHEN accepted THEN 1 END) AS accepted, count(CASE WHEN refused THEN 1 END) AS refused,
     avg(CASE WHEN accepted THEN rank END) AS rank
RETURN run, domain, shown, clicked, accepted, refused, toFloat(clicked) / shown AS ctr, rank
ORDER BY run DESC, domain
