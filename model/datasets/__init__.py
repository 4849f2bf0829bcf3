"""Annotated and captioned photos of many layouts, read as training pairs and ground truth."""
