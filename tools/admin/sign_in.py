"""The operator's own sign-in: `az login`, or whatever else DefaultAzureCredential finds."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.identity import open_credential
from tools.admin.errors import NoAccessError, WrongSettingError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from azure.core.credentials import AccessToken

    from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is signed in, as an access token says it.

    Attributes:
        name: user name, or the client id of an application; None when the token does not tell.
        object_id: in the directory; None when the token does not tell.
        is_application: whether it is a service principal or a managed identity.
    """

    name: str | None = None
    object_id: str | None = None
    is_application: bool = False


class SignIn:
    """A credential of the SDKs that says in one line when nobody is signed in.

    Attributes:
        identity: who is signed in, once a token was needed.
    """

    def __init__(self, settings: Settings) -> None:
        """Prepare; nothing is asked before a token is needed.

        Raises:
            WrongSettingError: the environment describes a sign-in that cannot be.
        """
        self.identity = Identity()
        try:
            self._credential = open_credential(settings)
        except (ValueError, OSError) as error:
            raise WrongSettingError(
                f"the variables of the environment that describe the sign-in (AZURE_...): {error}"
            ) from error

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Get a token from the first place that has one.

        Raises:
            NoAccessError: there is none. It is no error of the SDK's, so that nothing repeats it.
        """
        # Imported here because the SDKs cost half a second, which `--help` shall not take.
        from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - see above

        try:
            token = await self._credential.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            raise NoAccessError(
                "nobody is signed in to Azure here: run `az login`, or"
                " `az login --tenant <directory>` when the subscription is in another directory"
            ) from error
        self.identity = identity_of(token.token)
        return token

    async def close(self) -> None:
        """Close the connections."""
        await self._credential.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


def identity_of(token: str) -> Identity:
    """Read the claims of an access token; it is only shown, so nothing is verified."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return Identity()
    if not isinstance(claims, dict):
        return Identity()
    names = ("upn", "preferred_username", "unique_name", "appid")
    return Identity(
        name=next((str(claims[name]) for name in names if claims.get(name)), None),
        object_id=str(claims["oid"]) if claims.get("oid") else None,
        is_application=claims.get("idtyp") == "app" or not set(names[:3]) & claims.keys(),
    )
