// purpose: the relationship types that are interactions, as the active run knows them
// parameters: none
// columns: types
// index: none, runs are few
// retryable: yes
MATCH (r:Run {state: 'active'})
RETURN r.interactions AS types
