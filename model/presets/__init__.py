"""Presets: which segmenter, embedder and weights belong together."""
