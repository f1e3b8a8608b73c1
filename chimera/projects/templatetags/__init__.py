"""How numbers, bytes and times are written."""
