"""Photo files taken apart: the pixels in one place, what is said about them in another."""
