"""From the host's request to the host's response: tenant, token, limits, errors, log."""
