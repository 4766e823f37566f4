"""Encoders of texts and images, and the vectors that they made, kept."""
