"""Losses that more than one training task uses."""
