// purpose: removes the vectors of some items, until none has any
// parameters: $size: at most so many items
// columns: none
// index: none, reads every item
// retryable: yes
MATCH (i:Item)
WHERE i.vector_a IS NOT NULL OR i.text_hash_a IS NOT NULL
   OR i.vector_b IS NOT NULL OR i.text_hash_b IS NOT NULL
WITH i LIMIT $size
REMOVE i.vector_a, i.text_vector_a, i.text_hash_a, i.vector_b, i.text_vector_b, i.text_hash_b
