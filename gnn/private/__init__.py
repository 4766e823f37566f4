"""Learning from users under differential privacy, and accounts of what it may tell of them."""
