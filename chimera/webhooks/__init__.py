"""Webhooks: what happens in a project is told to other programs, signed, with retries and a log."""
