"""The HTTP function of /Bulk."""
