// purpose: which of some nodes of one label (here Item) there are
// parameters: $keys: their keys
// columns: key
// index: Item.key
// retryable: yes
UNWIND $keys AS key
MATCH (n:Item {key: key})
RETURN key
