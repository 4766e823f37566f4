// purpose: how many nodes one label (here Item) has
// parameters: none
// columns: count
// index: none, the server keeps count
// retryable: yes
MATCH (n:Item)
RETURN count(n) AS count
