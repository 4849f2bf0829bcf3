"""Referring expressions: how often the very thing that is meant is found."""
