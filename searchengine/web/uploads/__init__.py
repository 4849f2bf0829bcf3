"""Uploads: photos that are shown to the server to search by, and forgotten again."""
