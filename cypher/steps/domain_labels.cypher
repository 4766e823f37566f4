// purpose: the label that the items of each domain have beside Item
// parameters: none
// columns: domain, label
// index: none, reads one item of each domain
// retryable: yes
MATCH (i:Item)
WITH i.domain AS domain, min(i.key) AS key
MATCH (i:Item {key: key})
RETURN domain, head([l IN labels(i) WHERE l <> 'Item']) AS label
ORDER BY domain
