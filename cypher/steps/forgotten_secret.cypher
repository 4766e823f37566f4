// purpose: the key with which the ids of forgotten users are hashed; it is made the first time
// parameters: $secret: a new one, for the first time
// columns: secret
// index: ForgottenKey.name
// retryable: yes
MERGE (f:ForgottenKey {name: 'forgotten'})
ON CREATE SET f.secret = $secret
RETURN f.secret AS secret
