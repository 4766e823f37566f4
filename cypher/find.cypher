// group: new users
// purpose: items whose title holds a text, in upper or lower case; those that begin with it come first
// parameters: $text: some words of a title; $domain = null: name of a domain, or null for all; $k = 10: at most this many rows
// columns: item (key), title, domain, users (who met it)
// index: none, reads the titles of all items
// retryable: yes
MATCH (i:Item)
WHERE ($domain IS NULL OR i.domain = $domain) AND toLower(i.title) CONTAINS toLower($text)
WITH i, COUNT { (i)<-[:SAVED]-() } AS users, toLower(i.title) STARTS WITH toLower($text) AS begins
RETURN i.key AS item, i.title AS title, i.domain AS domain, users
ORDER BY CASE WHEN begins THEN 0 ELSE 1 END, users DESC, item
LIMIT toInteger($k)
