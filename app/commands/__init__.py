"""The commands, a module for each kind; `linkspan.cli` puts them together."""
