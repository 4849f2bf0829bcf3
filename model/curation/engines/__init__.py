"""Engines of curation: models and files that caption photos and find phrases in them."""
