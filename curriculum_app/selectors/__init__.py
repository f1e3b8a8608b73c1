"""Reads of the lowest app; each takes the actor and sees only their project."""
