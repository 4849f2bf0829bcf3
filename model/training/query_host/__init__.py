"""Training of what lets a published host's queries know words."""
