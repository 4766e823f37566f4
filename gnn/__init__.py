"""Features, split, model, training, scoring and evaluation. Needs the ``train`` extra."""
