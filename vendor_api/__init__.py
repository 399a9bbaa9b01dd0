"""`/api/v1`: what the product asks, whose identities the service holds; and its description."""
