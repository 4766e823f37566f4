// purpose: all relationship types of the graph
// parameters: none
// columns: name
// index: none, the catalogue knows them
// retryable: yes
CALL db.relationshipTypes() YIELD relationshipType
RETURN relationshipType AS name
ORDER BY name
