"""Every query that Linkspan runs or offers, one ``.cypher`` file each, and their loader."""
