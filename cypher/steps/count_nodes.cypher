// purpose: how many nodes of each role the graph has
// parameters: none
// columns: users, items, entities
// index: none, counts only
// retryable: yes
RETURN COUNT { (:User) } AS users, COUNT { (:Item) } AS items, COUNT { (:Entity) } AS entities
