"""Running programs that nobody has read: `check_all(trials)` in processes that reach nothing (docs/sandbox.md)."""
