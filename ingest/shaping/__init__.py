"""Rows become what is written: ids, typed values, keys; duplicates and gaps are found."""
