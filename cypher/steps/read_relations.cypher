// purpose: all relations of one type (here WRITTEN_BY) between two kinds of node (here Item and
//          Author), for a snapshot
// parameters: $weight: name of the property that holds the weight, or an empty text
// columns: source (key), target (key), weight (number or null)
// index: none, reads every relation of the type
// retryable: yes
MATCH (s:Item)-[r:WRITTEN_BY]->(t:Author)
RETURN s.key AS source, t.key AS target, r[$weight] AS weight
