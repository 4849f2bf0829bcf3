"""Language: noun phrases of captions and queries."""
