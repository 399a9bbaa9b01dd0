"""The HTTP functions of /Users."""
