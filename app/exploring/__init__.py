"""Views of a run for `linkspan explore`: suppositions, newcomers, a map of items, figures."""
