"""The clients: questions to the graph, their answers, and reasons in words."""
