"""The scan of folders: which files are photos, and which of them are new or changed."""
