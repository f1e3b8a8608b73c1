"""Schema of projects, members and tokens."""
