"""Fitting of confidence: which score means which probability."""
