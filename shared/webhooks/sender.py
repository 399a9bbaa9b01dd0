"""Sends one webhook: to a public address alone, and takes as little of the answer as it needs.

Whom a URL leads to is decided where a connection is made: the socket is opened for the address that
was checked, whatever the name resolves to before and afterwards. That an address is written as a
name, as a number, or as IPv4 in IPv6, makes no difference there.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import aiohttp
from aiohttp.client_reqrep import ClientResponse

from shared.webhooks.addresses import is_loopback, is_public

ATTEMPT_SECONDS: Final = 15.0
ANSWER_BYTES: Final = 1_024

_REFUSED = "the address is not public"
_HEADERS = {"Content-Type": "application/json", "User-Agent": "scim-on-functions-webhooks"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt.

    Attributes:
        status: HTTP status; None where there was no answer.
        error: why it counts as failed; None where it does not.
        answer: the first bytes of the answer, as text.
        latency_ms: how long it took.
        retry_after: the header of that name, as it is.
    """

    status: int | None
    error: str | None = None
    answer: str = ""
    latency_ms: int = 0
    retry_after: str | None = None

    @property
    def has_succeeded(self) -> bool:
        """Whether the receiver has the event."""
        return self.error is None


class AddressRefusedError(OSError):
    """A webhook leads to an address that it may not go to."""


class WebhookSender:
    """Sends webhooks; its connections serve all endpoints."""

    def __init__(self, *, to_loopback: bool = False, tls: ssl.SSLContext | None = None) -> None:
        """Prepare; nothing is sent.

        Args:
            to_loopback: whether webhooks may go to this machine, by http as well (development).
            tls: whom to trust; the system's authorities when None.
        """
        self._to_loopback = to_loopback
        self._schemes = ("https", "http") if to_loopback else ("https",)
        self._tls = tls or True
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """Post a webhook once; nothing is raised.

        A 2xx whose answer came whole, as far as it is read, is a success. A redirect is none.
        """
        began = time.monotonic()
        scheme = url.partition(":")[0]
        if scheme not in self._schemes:
            return Attempt(None, "only https is sent to")
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                attempt = await self._post(scheme, url, {**_HEADERS, **headers}, body)
        except TimeoutError:
            attempt = Attempt(None, f"no answer within {ATTEMPT_SECONDS:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            attempt = Attempt(None, _reason(error))
        ms = round((time.monotonic() - began) * 1_000)
        return Attempt(attempt.status, attempt.error, attempt.answer, ms, attempt.retry_after)

    async def close(self) -> None:
        """Close the connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _post(
        self, scheme: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Attempt:
        async with self._opened(scheme).post(
            url, data=body, headers=headers, allow_redirects=False
        ) as answer:
            text = await _beginning(answer)
            if 200 <= answer.status < 300:
                return Attempt(answer.status, answer=text)
            kind = "a redirect, which is not followed" if 300 <= answer.status < 400 else "answered"
            told = f"{kind} ({answer.status})"
            return Attempt(answer.status, told, text, 0, answer.headers.get("Retry-After"))

    def _opened(self, scheme: str) -> aiohttp.ClientSession:
        """Return the session of a scheme: http has one of its own, that goes to loopback alone."""
        if scheme not in self._sessions:
            self._sessions[scheme] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    # How many are under way, `EndpointLoad` and the dispatcher decide.
                    limit=0,
                    ssl=self._tls,
                    use_dns_cache=False,
                    socket_factory=partial(self._open_socket, is_plain=scheme == "http"),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers={"Accept-Encoding"},
            )
        return self._sessions[scheme]

    def _open_socket(self, found: aiohttp.AddrInfoType, *, is_plain: bool) -> socket.socket:
        """Open the socket of a connection, if its address is one that webhooks may go to."""
        family, kind, protocol, _, address = found
        host = str(address[0])
        is_fine = is_public(host) and not is_plain
        if not is_fine and not (self._to_loopback and is_loopback(host)):
            raise AddressRefusedError(_REFUSED)
        opened = socket.socket(family, kind, protocol)
        opened.setblocking(False)
        return opened


async def _beginning(answer: ClientResponse) -> str:
    """Read the first bytes of an answer as text; the connection of a longer one is closed."""
    read = bytearray()
    while len(read) < ANSWER_BYTES:
        piece = await answer.content.read(ANSWER_BYTES - len(read))
        if not piece:
            return read.decode("utf-8", "replace")
        read += piece
    answer.close()
    return read.decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    """Say why there was no answer, without what a library quotes of it."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    told = (error, *causes)
    if any(isinstance(each, AddressRefusedError) or _REFUSED in str(each) for each in told):
        return _REFUSED
    if any(isinstance(each, aiohttp.ClientSSLError | ssl.SSLError) for each in told):
        return "the certificate is not trusted, or TLS failed"
    if isinstance(error, aiohttp.InvalidURL):
        return "the URL cannot be asked"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name was not found"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection"
    return f"the answer was cut or garbled ({type(error).__name__})"
