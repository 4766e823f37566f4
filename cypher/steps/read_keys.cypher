// purpose: what the nodes of one label (here Item) have of some properties, to check an adopted graph
// parameters: $names: names of the properties
// columns: values (of the properties)
// index: none, reads every node of the label
// retryable: yes
MATCH (n:Item)
RETURN [name IN $names | n[name]] AS values
