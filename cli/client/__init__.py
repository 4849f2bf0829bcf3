"""A running `segsearch serve`, asked in place of the index: no model is loaded for it."""
