"""Functions without a caller: work that nobody waits for, begun by a timer."""
