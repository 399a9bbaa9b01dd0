"""A client of one queue of Queue Storage or of Azurite, by its REST interface.

It has what hints need: to put a message that is seen later, to take some, to count and to clear.
Sign-in by an identity and the session are those of tables. What fails is not sent again: a hint
that is lost is made good by the timer.
"""

import base64
import hashlib
import hmac
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final
from urllib.parse import urlencode, urlsplit
from xml.sax.saxutils import escape, unescape

import aiohttp

from shared.queues.account import QueueAccount
from shared.tables.client import StorageError
from shared.tables.rest.authorization import Bearer
from shared.tables.rest.client import open_session

_VERSION: Final = "2019-02-02"
_KEPT_SECONDS: Final = 3_600
_XML = "application/xml"
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<QueueMessage>(.*?)</QueueMessage>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message that was taken, and what it takes to delete it."""

    id: str
    receipt: str
    text: str
    dequeued: int


class QueueClient:
    """A client of one queue; the text of its messages is base64, as the host takes it."""

    def __init__(
        self, account: QueueAccount, queue: str, tls: ssl.SSLContext | None = None
    ) -> None:
        """Prepare; the session is opened at first use.

        Args:
            account: where the queue is.
            queue: its name.
            tls: whom to trust; the system's authorities when None.
        """
        held = account.credential
        self._key = _SharedKeyLite(*held) if isinstance(held, tuple) else None
        self._bearer = None if isinstance(held, tuple) else Bearer(held)
        self._base_path = urlsplit(account.endpoint).path
        self._origin = account.endpoint.removesuffix(self._base_path)
        self._queue = queue
        self._tls = tls or True
        self._session: aiohttp.ClientSession | None = None

    async def put(self, text: str, delay: int = 0) -> None:
        """Put a message, which is there for an hour; a queue that is missing is created first.

        Args:
            text: of the message.
            delay: seconds after which it can be seen.

        Raises:
            StorageError: it may be in the queue or not.
        """
        encoded = base64.b64encode(text.encode()).decode()
        body = f"<QueueMessage><MessageText>{escape(encoded)}</MessageText></QueueMessage>"
        query = {"visibilitytimeout": str(delay), "messagettl": str(_KEPT_SECONDS)}
        try:
            await self._send("POST", "/messages", query, body.encode())
        except StorageError as error:
            if error.code != "QueueNotFound":
                raise
            await self.create()
            await self._send("POST", "/messages", query, body.encode())

    async def create(self) -> None:
        """Create the queue, if it is not there."""
        await self._send("PUT", "")

    async def take(self, limit: int = 32, seconds: int = 30) -> list[QueueMessage]:
        """Take messages, which nobody else sees for some seconds."""
        query = {"numofmessages": str(limit), "visibilitytimeout": str(seconds)}
        _, text = await self._send("GET", "/messages", query)
        return [_message(found) for found in _MESSAGE.findall(text)]

    async def delete(self, message: QueueMessage) -> None:
        """Delete a message that was taken."""
        await self._send("DELETE", f"/messages/{message.id}", {"popreceipt": message.receipt})

    async def count(self) -> int:
        """Return about how many messages there are; none where the queue is missing."""
        try:
            headers, _ = await self._send("GET", "", {"comp": "metadata"})
        except StorageError as error:
            if error.code == "QueueNotFound":
                return 0
            raise
        return int(headers.get("x-ms-approximate-messages-count", "0"))

    async def clear(self) -> None:
        """Delete all messages."""
        await self._send("DELETE", "/messages")

    async def close(self) -> None:
        """Close the connections, and the credential."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._bearer is not None:
            await self._bearer.close()

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[Mapping[str, str], str]:
        """Send one request; return headers and text of an answer that is no refusal.

        Raises:
            StorageError: it was refused, or there was no whole answer.
        """
        resource = f"{self._base_path}/{self._queue}{path}"
        comp = (query or {}).get("comp", "")
        date = formatdate(int(time.time()), usegmt=True)
        headers = {"x-ms-date": date, "x-ms-version": _VERSION}
        media_type = "" if body is None else _XML
        if self._bearer is not None:
            authorization = await self._bearer.authorization(resource, date)
        else:
            assert self._key is not None  # noqa: S101 - one of the two, by the constructor
            authorization = self._key.sign(method, resource, comp, media_type, headers)
        sent = {**headers, "Authorization": authorization}
        if media_type:
            sent["Content-Type"] = media_type
        url = f"{self._origin}{resource}" + (f"?{urlencode(query)}" if query else "")
        try:
            async with self._opened().request(
                method, url, data=body, headers=sent, allow_redirects=False
            ) as answer:
                text = await answer.text()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise StorageError(None, reason=type(error).__name__) from error
        if answer.status >= 300:
            if answer.status == 401 and self._bearer is not None:
                self._bearer.reject()
            code = _CODE.search(text)
            raise StorageError(answer.status, code[1] if code else "")
        return answer.headers, text

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(self._tls)
        return self._session


class _SharedKeyLite:
    """Signs with the key of an account, as an emulator wants it of the Queue service.

    The scheme is that of learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key.
    """

    def __init__(self, account: str, key: str) -> None:
        self._account = account
        self._key = base64.b64decode(key)

    def sign(
        self, method: str, path: str, comp: str, media_type: str, headers: Mapping[str, str]
    ) -> str:
        """Return the value of the Authorization header."""
        canonical = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        resource = f"/{self._account}{path}" + (f"?comp={comp}" if comp else "")
        text = f"{method}\n\n{media_type}\n\n{canonical}{resource}"
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return f"SharedKeyLite {self._account}:{base64.b64encode(digest).decode()}"


def _message(found: str) -> QueueMessage:
    def value(name: str) -> str:
        text = re.search(rf"<{name}>(.*?)</{name}>", found, re.DOTALL)
        return unescape(text[1]) if text else ""

    try:
        text = base64.b64decode(value("MessageText"), validate=True).decode()
    except ValueError:
        text = ""
    dequeued = int(value("DequeueCount") or "0")
    return QueueMessage(value("MessageId"), value("PopReceipt"), text, dequeued)
