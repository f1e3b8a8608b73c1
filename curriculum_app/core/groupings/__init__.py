"""Groupings: which group each document belongs to. One file each; a new file registers itself (see `base`)."""
