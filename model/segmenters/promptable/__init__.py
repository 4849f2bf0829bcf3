"""The promptable segmenter: one mask for a point or a box."""
