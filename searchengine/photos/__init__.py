"""Photos that answer: their pixels, their segments, looked at again while a search runs."""
