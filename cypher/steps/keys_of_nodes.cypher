// purpose: the keys of all nodes of one label (here Item), but for users who gave feedback
// parameters: none
// columns: key
// index: none, reads every node of the label
// retryable: yes
MATCH (n:Item)
WHERE NOT EXISTS { (n)-[:FEEDBACK]->() }
RETURN n.key AS key
