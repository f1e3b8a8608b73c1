"""Measures of documents: one number each, one file per measure, named after its key."""
