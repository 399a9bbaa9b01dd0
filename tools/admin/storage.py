"""The table of the service, by the operator's own sign-in.

Commands read it. Of what the service keeps they write the settings of a tenant, setup links,
webhook endpoints, and which trace is open.
"""

from __future__ import annotations

import secrets
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import tenants
from shared.errors import Conflict, NotFound, ScimError
from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.store import open_store
from shared.tables.account import StorageAccount, TableAddress
from shared.tables.client import StorageError
from shared.tables.request_context import RequestContext
from tools.admin import grants
from tools.admin.errors import AdminError, NoAccessError, NotDoneError
from tools.admin.sign_in import Identity, SignIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.store.store import Store
    from shared.tables.azure_table import ClientName
    from shared.tables.client import StorageClient
    from shared.tables.table import Table
    from tools.admin.places import Place

_COMMAND_SECONDS = 3_600.0
_NO_RIGHTS = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Storage:
    """The table and the store on it."""

    table: Table
    store: Store
    client: StorageClient
    sign_in: SignIn | None = None

    @property
    def operator(self) -> Identity:
        """Who is signed in, once something was read; nobody where a key opens the storage."""
        return Identity() if self.sign_in is None else self.sign_in.identity

    async def has_table(self) -> bool:
        """Tell whether the table exists; where it does not, it reads as an empty one. One call."""
        try:
            await self.client.get(tenants.DEFAULT, layout.DELETIONS_KEY)
        except StorageError as error:
            if error.code != "TableNotFound":
                raise
            return False
        return True

    def context(self, tenant: str) -> RequestContext:
        """Begin to work on a tenant's partition."""
        request = f"admin-{secrets.token_hex(8)}"
        deadline = time.monotonic() + _COMMAND_SECONDS
        return RequestContext(tenant, request, "admin", deadline, "admin")


@asynccontextmanager
async def open_storage(place: Place, role: str = grants.STORAGE_ROLE) -> AsyncIterator[Storage]:
    """Open the storage of a place; nothing is sent before the first read.

    What goes wrong within the block is raised in the words of an operator.

    Args:
        place: where it is.
        role: what the operator needs for what the command does, to be named where it is missing.

    Raises:
        WrongSettingError: the place has no storage.
        NotDoneError: what was looked for is not there.
        NoAccessError: the storage did not let us in, or did not answer.
    """
    name = place.storage
    # Imported here because the SDKs cost half a second, which `--help` shall not take.
    from shared.tables.azure_table import AzureTable  # noqa: PLC0415 - see above
    from shared.tables.rest.client import open_rest_client  # noqa: PLC0415 - see above

    account, sign_in = _account(place)
    client = open_rest_client(account, place.settings.table_name)
    table = AzureTable(client, creates_table=False)
    store = open_store(table, changed_names)
    try:
        yield Storage(table, store, client, sign_in)
    except (ScimError, StorageError) as error:
        raise _in_words(error, name, sign_in, is_local=place.is_local, role=role) from error
    finally:
        await store.close()


@asynccontextmanager
async def open_clients(place: Place) -> AsyncIterator[dict[ClientName, StorageClient]]:
    """Open the table of a place by each client, to write to it; nothing is sent before.

    What goes wrong within the block is raised in the words of an operator.

    Raises:
        WrongSettingError: the place has no storage.
        NoAccessError: the storage did not let us in, or did not answer.
    """
    name = place.storage
    from shared.tables.rest.client import open_rest_client  # noqa: PLC0415 - as in `open_storage`
    from shared.tables.sdk import open_sdk_client  # noqa: PLC0415 - as in `open_storage`

    account, sign_in = _account(place)
    clients: dict[ClientName, StorageClient] = {
        "rest": open_rest_client(account, place.settings.table_name),
        "sdk": open_sdk_client(account, place.settings.table_name),
    }
    try:
        yield clients
    except StorageError as error:
        role = grants.STORAGE_WRITER_ROLE
        raise _in_words(error, name, sign_in, is_local=place.is_local, role=role) from error
    finally:
        for client in clients.values():
            await client.close()


def _account(place: Place) -> tuple[StorageAccount, SignIn | None]:
    """Find the account of a place, and sign in to it where no key opens it."""
    secret = place.settings.table_connection_string
    address = TableAddress(
        place.settings.table_name,
        endpoint=place.settings.table_endpoint,
        connection_string=None if secret is None else secret.get_secret_value(),
    )
    sign_in = SignIn(place.settings) if secret is None else None
    return StorageAccount.of(address, sign_in), sign_in


def _in_words(
    error: ScimError | StorageError,
    storage: str,
    sign_in: SignIn | None,
    *,
    is_local: bool,
    role: str = grants.STORAGE_ROLE,
) -> AdminError:
    if isinstance(error, NotFound | Conflict):
        return NotDoneError(error.detail)
    fault = error if isinstance(error, StorageError) else error.__cause__
    if not isinstance(fault, StorageError) or fault.status is None:
        hint = "is `make run` running?" if is_local else "check --storage and its firewall"
        return NoAccessError(f"the storage {storage} did not answer ({fault}); {hint}")
    said = f"the storage {storage} refused: {fault}"
    if fault.code == "AuthorizationFailure":
        return NoAccessError(f"{said}; let this network through the firewall of the account")
    if fault.status in _NO_RIGHTS and not is_local:
        command = grants.on_storage(storage, sign_in.identity if sign_in else Identity(), role)
        return NoAccessError(f"{said}; to be let in: {command}")
    return NoAccessError(said)
