"""Masks: run-length encoding, geometry, grouping and the part–whole hierarchy."""
