"""What the app is made of: the packages that are deployed, named once for every test."""

FUNCTIONS = (
    "scim_users",
    "scim_groups",
    "scim_protocol",
    "health",
)
"""Packages of HTTP functions."""

PACKAGES = (*FUNCTIONS, "shared")
"""Packages that go out with the app."""
