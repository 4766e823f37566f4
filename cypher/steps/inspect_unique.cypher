// purpose: whether a property tells nodes of one label (here Item) apart, seen on some of them
// parameters: $name: of the property; $sample: at most so many nodes
// columns: values (how many have it), different (how many differ), length (of the text, on average)
// index: none, reads the first nodes of the label
// retryable: yes
MATCH (n:Item)
WITH n[$name] AS value LIMIT $sample
RETURN count(value) AS values, count(DISTINCT value) AS different,
       avg(size(toStringOrNull(value))) AS length
