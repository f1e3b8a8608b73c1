"""Writes of the lowest app: adoption of results, taxonomy edits, uploads."""
