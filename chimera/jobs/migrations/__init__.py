"""Schema of jobs and workers."""
