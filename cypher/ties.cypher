// group: items
// purpose: what an item is tied to: its entities, those first that fewest items share
// parameters: $item: key of the item; $k = 10: at most this many rows
// columns: entity (key), name, kind, how (relationship type), items (that it has)
// index: Item.key
// retryable: yes
MATCH (i:Item {key: $item})
MATCH (i)-[tie]-(e:Entity)
RETURN e.key AS entity, e.name AS name, head([l IN labels(e) WHERE l <> 'Entity']) AS kind,
       type(tie) AS how, COUNT { (e)--(:Item) } AS items
ORDER BY items, entity
LIMIT toInteger($k)
