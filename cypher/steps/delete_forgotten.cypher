// purpose: removes all that says who was forgotten
// parameters: none
// columns: none
// index: none, reads every forgotten user
// retryable: yes
MATCH (f:Forgotten|ForgottenKey)
DELETE f
