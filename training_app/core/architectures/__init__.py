"""Architectures that a model can be trained from scratch in: one file each."""
