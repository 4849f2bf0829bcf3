"""Measuring what a preset sees: how well words find segments, masks fit, pixels are named."""
