"""Questions in other languages: which language it is, what its words ask for, terms for them."""
