// group: items
// purpose: the items of an entity in all domains: an author's books, a maker's things
// parameters: $entity: key of the entity, as in author/Neil Gaiman; $domain = null: name of a domain, or null for all; $k = 10: at most this many rows
// columns: item (key), title, domain, how (relationship type), users (who met it)
// index: Entity.key
// retryable: yes
MATCH (e:Entity {key: $entity})
MATCH (e)-[tie]-(i:Item)
WHERE $domain IS NULL OR i.domain = $domain
RETURN i.key AS item, i.title AS title, i.domain AS domain, type(tie) AS how,
       COUNT { (i)<-[:SAVED]-(:User) } AS users
ORDER BY users DESC, item
LIMIT toInteger($k)
