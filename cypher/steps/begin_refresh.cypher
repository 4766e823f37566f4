// purpose: says that lists of some users are being refreshed, and by whom
// parameters: $run: id; $base: id of the run that is refreshed; $properties: of the run; $publisher: token of the lease
// columns: run; no row where the base is not active
// index: Run.id
// retryable: yes
MATCH (b:Run {id: $base, state: 'active'})
MERGE (r:Run {id: $run})
SET r += $properties, r.base = $base, r.state = 'publishing', r.users = 0, r.items = 0,
    r.publisher = $publisher
RETURN r.id AS run
