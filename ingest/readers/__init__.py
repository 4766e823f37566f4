"""Files of all formats, read batch by batch with the line of every row."""
