"""Attributes of a segment that words name: colours, patterns, materials and positions."""
