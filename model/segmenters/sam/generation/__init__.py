"""Automatic mask generation: a grid of points becomes a set of masks."""
