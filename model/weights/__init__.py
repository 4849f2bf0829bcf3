"""Weight files: where they lie, how they are fetched, checked and read."""
