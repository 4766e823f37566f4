"""The history-state GNN, its convolutions and its fusion of features."""
