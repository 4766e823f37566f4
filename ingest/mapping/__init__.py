"""The mapping ``linkspan.toml``: its tables, checked by pydantic, and errors in its own words."""
