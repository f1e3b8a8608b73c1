"""Measurements of our side and a named peer in one run: `python -m benchmarks` lists them."""
