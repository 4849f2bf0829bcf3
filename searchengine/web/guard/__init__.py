"""Guard: what comes in from the network, before anything else sees it."""
