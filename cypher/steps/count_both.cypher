// purpose: how many nodes carry two labels (here Item and Entity) at once
// parameters: none
// columns: count
// index: none, reads every node of one of them
// retryable: yes
MATCH (n:Item&Entity)
RETURN count(n) AS count
