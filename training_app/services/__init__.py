"""Writes of training: runs, metric rows, checkpoints."""
