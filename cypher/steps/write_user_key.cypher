// purpose: notes with which key users' ids are made pseudonyms
// parameters: $check: tells one key from another; $shared: whether a pseudonym is one user in all domains
// columns: none
// index: none, one node
// retryable: yes
MERGE (k:UserKey {check: $check})
SET k.shared = $shared
