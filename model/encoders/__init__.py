"""Frozen encoders of photos and of words."""
