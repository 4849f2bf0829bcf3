"""Vector stores: nearest segments of a query vector, and the cache file they are kept in."""
