// purpose: hashes of the users who were forgotten, and the key that they were made with
// parameters: none
// columns: secret, hashes (of keys), ids (hashes of ids)
// index: none, reads every forgotten user
// retryable: yes
MATCH (k:ForgottenKey)
OPTIONAL MATCH (f:Forgotten)
RETURN k.secret AS secret, collect(f.hash) AS hashes, collect(f.id) AS ids
