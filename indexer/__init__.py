"""What do we remember? Photos, segments and vectors: written, resumed, migrated.

Nothing is imported here: a worker process needs neither the catalog nor the vectors, and starts
sooner without SQLAlchemy.
"""
