"""Thumbnails: small pictures of the photos of an index, kept and made anew."""
