"""The worker pool: processes that run the models on photos."""
