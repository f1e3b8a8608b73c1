"""Writes of the applications."""
