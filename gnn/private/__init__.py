"""What is learned from users under differential privacy, and how much of them it may tell."""
