"""The catalog in one SQLite file, through SQLAlchemy."""
