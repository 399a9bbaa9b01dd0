"""The HTTP functions of /Groups and of memberships."""
