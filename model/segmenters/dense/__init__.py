"""The dense segmenter: masks of a whole photo from one forward pass."""
