"""The networks of SAM and its kin, arranged for speed."""
