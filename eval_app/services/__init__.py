"""Writes of evaluation: studies, reports, the starter project."""
