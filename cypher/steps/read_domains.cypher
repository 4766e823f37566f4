// purpose: the names of all domains
// parameters: none
// columns: domain
// index: none, reads every item
// retryable: yes
MATCH (i:Item)
RETURN DISTINCT i.domain AS domain
ORDER BY domain
