// purpose: items that have vectors in a slot, or the hash of a text
// parameters: $properties: names of the vectors' properties; $hash: name of the hash's
// columns: key, hash (of encoder and text, or null)
// index: none, reads every item
// retryable: yes
MATCH (i:Item)
WHERE i[$hash] IS NOT NULL OR any(name IN $properties WHERE i[name] IS NOT NULL)
RETURN i.key AS key, i[$hash] AS hash
