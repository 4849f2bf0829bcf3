"""Overview of a whole answer, however long: its order, its groups, and what it is made of."""
