"""Photo files: decoding, orientation, colour management and metadata."""
