"""Command-line tools. They talk to the service over HTTP and import nothing of it."""
