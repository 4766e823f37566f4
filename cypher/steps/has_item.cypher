// purpose: whether there is an item of this key
// parameters: $item: key of the item
// columns: found (the key); no row where there is none
// index: Item.key
// retryable: yes
MATCH (i:Item {key: $item})
RETURN i.key AS found
