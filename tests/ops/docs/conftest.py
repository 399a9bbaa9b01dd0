"""A product in Node.js, by which the examples of the pages are compiled."""

from tests.clients.typescript.conftest import product

__all__ = ["product"]
