"""The learned model, its files, and erasing users from it."""
