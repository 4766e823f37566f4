// purpose: what the active run says of how feedback is written
// parameters: none
// columns: types (relationship types that are interactions), names (of an adopted graph, as JSON, or null), rules (as JSON, or null)
// index: none, runs are few
// retryable: yes
MATCH (r:Run {state: 'active'})
RETURN r.interactions AS types, r.names AS names, r.feedback AS rules
