// purpose: with which key users' ids were made pseudonyms
// parameters: none
// columns: check (tells one key from another), shared (whether a pseudonym is one user in all domains)
// index: none, one node
// retryable: yes
MATCH (k:UserKey)
RETURN k.check AS check, k.shared AS shared
