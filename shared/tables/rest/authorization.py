"""The Authorization header of requests to Table Storage: by a shared key, or by an identity."""

import asyncio
import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Protocol

from shared.tables.client import StorageError

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential

_SCOPE = "https://storage.azure.com/.default"
_RENEW_SECONDS = 300


class Signer(Protocol):
    """Writes the Authorization header of a request."""

    async def authorization(self, path: str, date: str) -> str:
        """Return the header's value.

        Args:
            path: of the URL, escaped as it is sent, without the query.
            date: value of the `x-ms-date` header.

        Raises:
            StorageError: the identity gave no token.
        """
        ...

    def reject(self) -> None:
        """Note that the service refused the last header."""
        ...

    async def close(self) -> None:
        """Close what was opened."""
        ...


class SharedKeyLite:
    """Signs with the key of an account, as an emulator wants it.

    The scheme is that of learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key.
    """

    def __init__(self, account: str, key: str) -> None:
        self._account = account
        # Keyed once: a copy costs less than a new one.
        self._mac = hmac.new(base64.b64decode(key), digestmod=hashlib.sha256)

    async def authorization(self, path: str, date: str) -> str:
        """Return the header's value; see `Signer.authorization`."""
        mac = self._mac.copy()
        mac.update(f"{date}\n/{self._account}{path}".encode())
        signature = base64.b64encode(mac.digest()).decode()
        return f"SharedKeyLite {self._account}:{signature}"

    def reject(self) -> None:
        """Keep the key: there is no other."""

    async def close(self) -> None:
        """Close nothing."""


class Bearer:
    """Presents a token of an identity, which is renewed five minutes before it expires."""

    def __init__(self, credential: "AsyncTokenCredential") -> None:
        self._credential = credential
        self._token: AccessToken | None = None
        self._renewing = asyncio.Lock()

    async def authorization(self, path: str, date: str) -> str:
        """Return the header's value; see `Signer.authorization`."""
        del path, date
        token = self._token
        if token is None or token.expires_on - time.time() < _RENEW_SECONDS:
            token = await self._renewed()
        return f"Bearer {token.token}"

    def reject(self) -> None:
        """Ask for another token next time."""
        self._token = None

    async def close(self) -> None:
        """Close the credential."""
        await self._credential.close()

    async def _renewed(self) -> "AccessToken":
        """Ask for a token, once for all requests that wait for one."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - loaded with the credential

        async with self._renewing:
            token = self._token
            if token is None or token.expires_on - time.time() < _RENEW_SECONDS:
                try:
                    token = await self._credential.get_token(_SCOPE)
                except AzureError as error:
                    raise StorageError(None, type(error).__name__) from error
                self._token = token
            return token
