"""Training pairs, losses and the trainer of the universal segment embedding."""
