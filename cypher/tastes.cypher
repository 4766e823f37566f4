// group: users
// purpose: the entities that stand most often on a user's shelf: authors, tags, makers
// parameters: $user: key of the user; $k = 10: at most this many rows
// columns: entity (key), name, kind, items (of the user's shelf), domains (of those)
// index: User.key
// retryable: yes
MATCH (:User {key: $user})-[:SAME_AS*0..]-(u:User)
WITH DISTINCT u
MATCH (u)-[:SAVED]->(i:Item)
MATCH (i)--(e:Entity)
WITH e, i
ORDER BY i.domain
WITH e, count(DISTINCT i) AS items, collect(DISTINCT i.domain) AS domains
RETURN e.key AS entity, e.name AS name, head([l IN labels(e) WHERE l <> 'Entity']) AS kind,
       items, domains
ORDER BY items DESC, entity
LIMIT toInteger($k)
