"""Which weights of a model a run may move: one file each."""
