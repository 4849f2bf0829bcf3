"""Proposals measured: which regions that words name have a mask that fits."""
