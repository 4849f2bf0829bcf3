"""Progress bars of the long-running verbs."""
