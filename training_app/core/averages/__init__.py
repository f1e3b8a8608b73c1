"""How much each of several checkpoints counts in their average: one file each."""
