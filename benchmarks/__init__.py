"""Measures the service: beside its peers (`make bench`), at its start, and one instance at work.

Nothing in this folder is deployed or imported by what is.
"""
