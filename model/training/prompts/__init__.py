"""Training of the decoder that draws a mask for a point or a box."""
