"""The version of the library, of which the service learns in `User-Agent`."""

__version__ = "0.1.0"
