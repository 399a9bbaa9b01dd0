"""A provisioning client that talks to any SCIM 2.0 service as Microsoft Entra ID does."""
