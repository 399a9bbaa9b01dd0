"""The HTTP functions that describe the service, and the one that answers for every other path."""
