"""Curricula that decide during the run: the contract, the journal, and what members share (pure)."""
