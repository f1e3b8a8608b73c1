"""Real workers, killed at bad moments."""
