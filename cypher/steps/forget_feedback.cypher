// purpose: removes from some users when they last gave feedback, until none has it
// parameters: $size: at most so many
// columns: none
// index: none, reads the users
// retryable: yes
MATCH (u:User)
WHERE u.feedback_at IS NOT NULL
WITH u LIMIT $size
REMOVE u.feedback_at
