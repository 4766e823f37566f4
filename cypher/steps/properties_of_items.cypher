// purpose: some properties of all items, for the rules on what is published
// parameters: $properties: their names
// columns: key, found (a value for each name, or null)
// index: none, reads every item
// retryable: yes
MATCH (i:Item)
RETURN i.key AS key, [name IN $properties | i[name]] AS found
