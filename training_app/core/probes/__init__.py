"""Probes: what a run measures of itself beside the loss. One file each; `base` holds the registry."""
