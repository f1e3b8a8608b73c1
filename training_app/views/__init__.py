"""Thin views of training: runs, series, comparisons, checkpoints."""
