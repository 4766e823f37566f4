"""Graphs that were there before: looking at them, checking roles, leaving again."""
