"""Retrieval measured: how well words find the segments and photos that show them."""
