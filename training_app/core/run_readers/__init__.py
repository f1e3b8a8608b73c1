"""Readers of finished runs of other tools: one file each, found by importing this package."""
