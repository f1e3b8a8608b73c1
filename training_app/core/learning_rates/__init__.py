"""Learning rates as functions of the tokens seen: one file each."""
