"""The simple parts of a score: EASE, steps, likeness, popularity, walks."""
