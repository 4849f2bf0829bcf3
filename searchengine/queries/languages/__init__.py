"""Questions in other languages, as the search takes them: read as English, and mixed as vectors."""
