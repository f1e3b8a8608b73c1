"""Schema of evaluations and studies."""
