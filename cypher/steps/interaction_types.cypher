// purpose: types of the relationships from users to items, where no run says it; looks at 1,000 users
// parameters: none
// columns: types
// index: none, reads some nodes only
// retryable: yes
MATCH (u:User)
WITH u LIMIT 1000
MATCH (u)-[r]->(:Item)
WHERE NOT type(r) IN ['RECOMMENDED', 'SAME_AS', 'FEEDBACK']
RETURN collect(DISTINCT type(r)) AS types
