"""Full ranking of held-out events beside baselines, and figures of lists."""
