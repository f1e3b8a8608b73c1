"""Runs, checkpoints, metrics and the live pages. May import curriculum_app."""
