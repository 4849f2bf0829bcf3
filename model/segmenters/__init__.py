"""Segmenters: photo → segments."""
