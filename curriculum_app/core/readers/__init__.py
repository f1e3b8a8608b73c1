"""Readers: a file to raw records with line numbers, in constant memory, one file per format."""
