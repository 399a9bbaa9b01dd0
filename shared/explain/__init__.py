"""Why somebody is not there: what the rows of a tenant tell of a user, joined into an answer."""
