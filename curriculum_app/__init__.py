"""The lowest app: taxonomy, dataset versions, sequences, curricula and schedules."""
