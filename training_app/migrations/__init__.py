"""Schema of runs, metric points and checkpoints."""
