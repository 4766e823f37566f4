"""Writing a run's lists and vectors, switching readers to it, and going back."""
