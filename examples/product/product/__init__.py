"""A small product: sign-in, sessions and roles by what SCIM on Azure Functions knows."""
