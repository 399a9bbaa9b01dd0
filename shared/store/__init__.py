"""Identities in Table Storage: one table, one partition a tenant.

The rows and the rules that keep them consistent are described in docs/architecture.md; `layout` has
their keys and columns. `Store` is the entry; `shared.tables` alone talks to the service.
"""
