"""Training of the segment head, which maps pooled features into the space of text."""
