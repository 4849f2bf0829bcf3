"""Curation: segment–text pairs from bare photographs (USE, arXiv 2406.05271, "data pipeline")."""
