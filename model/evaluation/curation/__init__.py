"""Measure of a curation: which of the masks that it gives to phrases people drew, too."""
