"""Measures the service beside its peers, and itself: `make bench`, which writes results.md.

Nothing in this folder is deployed or imported by what is.
"""
