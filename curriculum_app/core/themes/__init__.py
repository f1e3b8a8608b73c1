"""Thematic subsets: labels, a classifier trained on them, and what its threshold lets through."""
