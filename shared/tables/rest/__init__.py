"""A client of Table Storage of this project's own, on aiohttp."""
