// purpose: all items with the properties that make their text, for a snapshot
// parameters: $text: names of the properties, in order
// columns: key, id, domain, title, values (of the properties in $text; each a value, a list, or null)
// index: none, reads every item
// retryable: yes
MATCH (i:Item)
RETURN i.key AS key, i.id AS id, i.domain AS domain, i.title AS title,
       [name IN $text | i[name]] AS values
