// purpose: the runs whose lists are still in the graph
// parameters: none
// columns: run
// index: none, runs are few; looks for one list of each
// retryable: yes
MATCH (r:Run)
WHERE EXISTS { MATCH (:User)-[x:RECOMMENDED]->() WHERE x.run = r.id }
RETURN r.id AS run
