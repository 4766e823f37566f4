// purpose: the most popular items of every domain, for users without a list
// parameters: $k: at most this many items a domain
// columns: item (key), title, domain, rank (in the domain, from 1), events
// index: none, counts the events of every item
// retryable: yes
MATCH (i:Item)
WITH i, COUNT { (i)<-[:SAVED]-() } AS events
WHERE events > 0
WITH i.domain AS domain, i.key AS item, i.title AS title, events
ORDER BY events DESC, item
WITH domain, collect({item: item, title: title, events: events})[..$k] AS best
UNWIND range(0, size(best) - 1) AS place
WITH domain, place, best[place] AS x
RETURN x.item AS item, x.title AS title, domain, place + 1 AS rank, x.events AS events
ORDER BY rank, events DESC, item
