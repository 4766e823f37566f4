"""Domain adaptation: terms of the objective that make domains alike, or lead between them."""
