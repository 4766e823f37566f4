// group: runs and health
// purpose: how much each part of the score gives to the recommendations of a domain, on average
// parameters: none
// columns: domain, recommendations, score, gnn, linear, transitions, text, relations, popularity (means; the parts add up to the score)
// index: none, reads every list
// retryable: yes
MATCH (u:User)-[r:RECOMMENDED]->()
WHERE r.run = u.run
RETURN r.domain AS domain, count(r) AS recommendations, avg(r.score) AS score, avg(r.gnn) AS gnn,
       avg(r.linear) AS linear, avg(r.transitions) AS transitions, avg(r.text) AS text,
       avg(coalesce(r.relations, 0.0)) AS relations, avg(r.popularity) AS popularity
ORDER BY domain
