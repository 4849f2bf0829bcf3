"""Phrases that photos are asked for in training, and the measure of what is answered."""
