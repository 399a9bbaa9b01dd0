"""Requests that are sent byte by byte."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ops.local.conftest import Wire


async def connect(wire: Wire) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(wire.base_url.rpartition(":")[2]))


async def raw(wire: Wire, *lines: bytes, body: bytes = b"") -> bytes:
    """Return the whole reply to a request that is sent as it is written."""
    reader, writer = await connect(wire)
    writer.write(b"\r\n".join([*lines, b"Connection: close", b"", body]))
    reply = await reader.read()
    writer.close()
    return reply
