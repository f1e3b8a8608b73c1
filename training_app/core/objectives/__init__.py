"""What a run's loss is: one file each."""
