"""Events and their order: split, histories, item transitions, dislikes, domains."""
