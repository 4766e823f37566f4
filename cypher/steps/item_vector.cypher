// purpose: the vector of an item's text in the active run, and where those of the others are
// parameters: $item: key of the item
// columns: run (id), slot (a or b), parts (endings of the names of the indexes), vector (null where the item has none)
// index: Item.key
// retryable: yes
MATCH (run:Run {state: 'active'})
MATCH (i:Item {key: $item})
RETURN run.id AS run, run.vectors AS slot, run.vector_parts AS parts,
       CASE run.vectors WHEN 'a' THEN i.text_vector_a WHEN 'b' THEN i.text_vector_b END AS vector
