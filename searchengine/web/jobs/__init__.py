"""Jobs of a server: work that takes longer than an answer, followed by events."""
