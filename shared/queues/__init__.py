"""Azure Queue Storage: what puts messages into a queue, and what is asked of one."""
