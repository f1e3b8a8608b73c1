"""Jobs: states, leases, composites, bad input, whole chains."""
