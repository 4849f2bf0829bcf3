"""The catalog: what is known of photos and segments, and the vectors' source of truth."""
