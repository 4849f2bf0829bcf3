"""Watching: folders whose new and changed photos are indexed as they come."""
