"""Training of the dependency parser that reads referring expressions."""
