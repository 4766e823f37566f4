// purpose: what became of what each run showed, by domain: an item counts once for a user
// parameters: none
// columns: run, domain, shown (users and items of which anything was said), clicked (or accepted), accepted, shown_1, accepted_1, shown_5, accepted_5, shown_10, accepted_10 (those of them at rank 1, 1 to 5 and 1 to 10)
// index: none, reads all feedback
// retryable: yes
MATCH (u:User)-[f:FEEDBACK]->(i:Item)
WHERE f.run IS NOT NULL
WITH f.run AS run, f.domain AS domain, u, i, min(f.rank) AS rank,
     max(CASE WHEN f.counts IN ['clicked', 'positive'] THEN 1 ELSE 0 END) AS clicked,
     max(CASE WHEN f.counts = 'positive' THEN 1 ELSE 0 END) AS accepted
RETURN run, domain, count(*) AS shown, sum(clicked) AS clicked, sum(accepted) AS accepted,
       sum(CASE WHEN rank <= 1 THEN 1 ELSE 0 END) AS shown_1,
       sum(CASE WHEN rank <= 1 THEN accepted ELSE 0 END) AS accepted_1,
       sum(CASE WHEN rank <= 5 THEN 1 ELSE 0 END) AS shown_5,
       sum(CASE WHEN rank <= 5 THEN accepted ELSE 0 END) AS accepted_5,
       sum(CASE WHEN rank <= 10 THEN 1 ELSE 0 END) AS shown_10,
       sum(CASE WHEN rank <= 10 THEN accepted ELSE 0 END) AS accepted_10
ORDER BY run DESC, domain
