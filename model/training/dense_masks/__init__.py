"""Training of the dense mask head."""
