"""Scorers: how the answers to one item become numbers; one file each, found by the registry in `base`."""
