"""Loading the starter project."""
