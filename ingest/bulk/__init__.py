"""Bulk loading: the rows of an ordinary ingest, written as files for the engine's own importer."""
