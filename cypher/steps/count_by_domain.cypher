// purpose: how many items each domain has
// parameters: none
// columns: domain, items
// index: none, reads every item
// retryable: yes
MATCH (i:Item)
RETURN i.domain AS domain, count(i) AS items
ORDER BY domain
