"""Authentication: which tenant a bearer token opens. Importing it loads nothing of Azure."""
