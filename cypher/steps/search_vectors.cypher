// purpose: items whose text is like a text, by an index of their text vectors
// parameters: $index: name of the index; $vector: of the text; $n: how many items the index is asked for
// columns: item (key), title, domain, score (0 to 1: half of 1 + the cosine)
// index: the vector index
// retryable: yes
CALL db.index.vector.queryNodes($index, $n, $vector) YIELD node, score
WITH node AS i, score
WHERE EXISTS { MATCH (i:Item) }
RETURN i.key AS item, i.title AS title, i.domain AS domain, score
ORDER BY score DESC, item
