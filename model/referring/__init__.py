"""Referring expressions: which segment of a photo is meant by "the second door from the left"."""
