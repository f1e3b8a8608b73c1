"""Policies: which sequences when. One file each; a new file registers itself (see `base`)."""
