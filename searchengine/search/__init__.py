"""The search: from a query to ranked matches, a module a stage."""
