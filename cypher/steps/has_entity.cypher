// purpose: whether there is an entity of this key
// parameters: $entity: key of the entity
// columns: found (the key); no row where there is none
// index: Entity.key
// retryable: yes
MATCH (e:Entity {key: $entity})
RETURN e.key AS found
