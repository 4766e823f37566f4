// purpose: how many relationships one type (here SAVED) has
// parameters: none
// columns: count
// index: none, the server keeps count
// retryable: yes
MATCH ()-[r:SAVED]->()
RETURN count(r) AS count
