"""Procedural strings: generators with exact verifiers. One file each; a new file registers itself (see `base`)."""
