"""Removal of near-duplicates over all sources together."""
