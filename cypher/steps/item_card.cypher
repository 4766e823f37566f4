// purpose: an item with all its properties, and how many users met it
// parameters: $item: key of the item
// columns: item (key), title, domain, properties, users
// index: Item.key
// retryable: yes
MATCH (i:Item {key: $item})
RETURN i.key AS item, i.title AS title, i.domain AS domain, properties(i) AS properties,
       COUNT { MATCH (i)<-[:SAVED]-(u:User) RETURN DISTINCT u } AS users
