"""The mapping of a small project of two domains, which several folders of tests write."""

MAPPING = """
[users]
shared = true

[[items]]
file = "items.csv"
id = "id"
domain = { column = "domain" }
text = ["title"]

[items.properties]
title = "title"

[[items.relations]]
type = "WRITTEN_BY"
column = "author"
entity = "Author"

[[interactions]]
file = "events.csv"
type = "SAVED"
user = "user"
item = "item"
at = { column = "at", unit = "position" }

[train.encoding]
encoder = "hash"

[train.model]
embedding_size = 16

[train.learning]
guard = false
epochs = 6
negatives = 20
batch_size = 128

[publish]
k = 3
similar = 2
"""
