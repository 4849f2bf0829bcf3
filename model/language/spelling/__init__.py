"""Spelling: which English words are common, and which of them a misspelt one was meant to be."""
