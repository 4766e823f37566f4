// group: new users
// purpose: the items of a domain that are met more of late than before
// parameters: $domain: name of the domain; $events = 1000: so many of the domain's latest events are recent; $k = 10: at most this many rows
// columns: item (key), title, recent (recent events), events (all), share (recent of all)
// index: Item.domain
// retryable: yes
MATCH (i:Item {domain: $domain})<-[r:SAVED]-(u:User)
WITH i, r
ORDER BY r.at DESC, i.key
LIMIT toInteger($events)
WITH i, count(r) AS recent
WITH i, recent, COUNT { (i)<-[:SAVED]-(:User) } AS events
WITH i, recent, events, toFloat(recent) / events AS share
RETURN i.key AS item, i.title AS title, recent, events, share
ORDER BY recent * share DESC, item
LIMIT toInteger($k)
