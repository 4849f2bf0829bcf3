"""Training of what proposes masks for words."""
