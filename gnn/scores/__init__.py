"""Scores from several parts: their weights, lists, re-ranking, and reasons."""
