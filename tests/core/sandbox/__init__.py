"""The sandbox: what a program can do to it."""
