"""The page and its API: one server over one index, for who sits at this machine."""
