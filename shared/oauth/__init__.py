"""OAuth: how a client gets an access token for its tenant, and what is checked of a JWT."""
