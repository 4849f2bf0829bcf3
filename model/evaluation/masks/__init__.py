"""Masks measured: how many annotated regions have a proposed mask that fits."""
