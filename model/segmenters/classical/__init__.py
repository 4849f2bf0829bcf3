"""Segmenters without weights."""
