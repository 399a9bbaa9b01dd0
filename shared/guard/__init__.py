"""The guard against mass removal: how many are too many, and in which time. Pure."""
