"""Loads into an empty database the way its engine has for it: files, and what takes them in."""
