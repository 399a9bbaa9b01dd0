"""Identities in Table Storage: one table, one partition a tenant.

The rows, their keys and the rules that keep them consistent are described in docs/architecture.md.
`Store` is the entry; `shared.tables` alone talks to the service.
"""
