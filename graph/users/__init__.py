"""Feedback of users, pseudonyms in place of their ids, and forgetting them."""
