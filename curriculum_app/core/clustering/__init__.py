"""Clusters of a dataset version: embed, spherical k-means, names, a map, and how far to trust it."""
