// purpose: how feedback was written under each run
// parameters: none
// columns: rules (as JSON)
// index: none, runs are few
// retryable: yes
MATCH (r:Run)
WHERE r.feedback IS NOT NULL
RETURN DISTINCT r.feedback AS rules
