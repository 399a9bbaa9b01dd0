"""The operator's command line: tokens in Key Vault, and what the table holds, read only.

It works on the parts of the service itself (`shared/`), with the operator's own sign-in.
"""
