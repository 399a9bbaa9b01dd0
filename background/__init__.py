"""Functions without a caller: work that nobody waits for, begun by a timer or by a message."""
