"""OAuth over HTTP: the token endpoint of each tenant, and the documents that lead to it."""
