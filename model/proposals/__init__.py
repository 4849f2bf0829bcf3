"""Masks that are proposed for words, beside those that an index holds."""
