"""What the functions have in common: the protocol, the store, authentication and the web layer."""
