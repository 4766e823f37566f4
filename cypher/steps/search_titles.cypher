// purpose: items whose title holds all words of a text, in upper or lower case, those with the least besides first
// parameters: $text: what is searched for; $words: its words; $domain: name of a domain, or null for all; $k: at most this many rows
// columns: item (key), title, domain, score (share of the title that the text makes up, to 1)
// index: none, reads the titles of all items: of one domain alone by Item.domain
// retryable: yes
MATCH (i:Item)
WHERE ($domain IS NULL OR i.domain = $domain)
  AND all(word IN $words WHERE toLower(toString(i.title)) CONTAINS toLower(word))
WITH i.key AS item, i.title AS title, i.domain AS domain,
     toFloat(size($text)) / size(toString(i.title)) AS share
RETURN item, title, domain, CASE WHEN share > 1.0 THEN 1.0 ELSE share END AS score
ORDER BY score DESC, item
LIMIT $k
