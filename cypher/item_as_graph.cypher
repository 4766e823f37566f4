// group: graph browser
// purpose: an item with what ties it and what is like it in the active run, to look at in a graph browser
// parameters: $item: key of the item; $kind = "states": states (like by what was learned) or relations (by what both share in the graph); $k = 20: at most this many paths
// columns: tie (paths; a graph browser draws them)
// index: Item.key
// retryable: yes
MATCH (run:Run {state: 'active'})
MATCH (i:Item {key: $item})
CALL (run, i) {
  MATCH tie = (i)--(:Entity)
  RETURN tie
  UNION ALL
  MATCH tie = (i)-[r:SIMILAR]->(:Item)
  WHERE r.run = run.id AND coalesce(r.kind, 'states') = $kind
  RETURN tie
}
RETURN tie
LIMIT toInteger($k)
