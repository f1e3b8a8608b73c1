"""Pages of the lowest app: data, sequences, taxonomy, curricula, schedules."""
