"""Accounts that exist already, made known to the service before an identity provider comes."""
