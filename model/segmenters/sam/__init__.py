"""Masks from a grid of points: SAM, its kin, and the fastest exact way to their masks."""
