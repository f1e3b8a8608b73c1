"""Schema of taxonomy, datasets, sequences, curricula and schedules."""
