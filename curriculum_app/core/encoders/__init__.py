"""Encoders: texts to unit vectors, one file each. `base` has the contract, the registry and how one is kept."""
