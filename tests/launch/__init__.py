"""Servers and processes of make run."""
