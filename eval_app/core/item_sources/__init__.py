"""Ways for a task to have items without a registered benchmark: one file each, found by the registry in `base`."""
