"""Stores: places that URLs name, such as buckets, and the objects that lie in them."""
