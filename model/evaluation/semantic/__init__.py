"""Semantic segmentation by words: a name for every pixel, measured by mean IoU."""
