// purpose: the keys of all nodes of one label (here Item)
// parameters: none
// columns: key
// index: none, reads every node of the label
// retryable: yes
MATCH (n:Item)
RETURN n.key AS key
