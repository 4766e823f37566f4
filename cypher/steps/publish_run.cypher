// purpose: says that a run is being published, and by whom; keeps what was written where it goes on
// parameters: $run: id; $properties: of the run (model, metrics, config, fingerprint, created); $publisher: token of the lease
// columns: users (how many users have their new list), items (how many have similar items), state, lists (digest of the lists it was begun with)
// index: Run.id
// retryable: yes
MERGE (r:Run {id: $run})
SET r += $properties, r.state = CASE WHEN r.state = 'active' THEN 'active' ELSE 'publishing' END,
    r.users = coalesce(r.users, 0), r.items = coalesce(r.items, 0), r.publisher = $publisher,
    r.reason = null
RETURN r.users AS users, r.items AS items, r.state AS state, r.lists AS lists
