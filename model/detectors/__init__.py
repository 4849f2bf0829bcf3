"""Detectors: published models that find in a photo what a text names."""
