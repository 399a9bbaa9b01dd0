"""What a process needs to serve requests, built when the first one comes.

Nothing is opened or read at import: an error there would take every function down, and cold start
counts.
"""

import logging
import os
from dataclasses import dataclass, field

from shared.auth.configured import authenticator
from shared.auth.tokens import Authenticator
from shared.identity import open_credential
from shared.schema_files import read_catalogue
from shared.scim.catalogue import Catalogue
from shared.scim.documents import changed_names
from shared.scim.errors import Unavailable
from shared.scim.schema import ResourceType
from shared.settings import Settings, SettingsError
from shared.store.claims import UniqueAttribute
from shared.store.custom import CustomType
from shared.store.store import Store, open_store

_log = logging.getLogger(__name__)

_TALKATIVE = ("azure.core.pipeline.policies.http_logging_policy", "azure.identity")
"""Loggers of the SDKs that write two lines a storage call at INFO."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that outlives a request."""

    settings: Settings
    authenticator: Authenticator
    store: Store
    catalogue: Catalogue = field(default_factory=Catalogue)

    async def close(self) -> None:
        """Close every connection."""
        await self.authenticator.close()
        await self.store.table.close()


def build(settings: Settings) -> Services:
    """Put the services together as the settings say; nothing is sent yet.

    Raises:
        SettingsError: a file of schemas is wrong.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    catalogue = read_catalogue(settings.schemas)
    return Services(settings, authenticator(settings), _store(settings, catalogue), catalogue)


_current: Services | None = None
_reported: set[str] = set()


def current() -> Services:
    """Return the services of this process.

    Raises:
        Unavailable: the settings are wrong; the log names each of them, once.
    """
    global _current  # noqa: PLW0603 - one client a process is the point
    if _current is None:
        try:
            _current = build(Settings.from_environment(os.environ))
        except SettingsError as error:
            _report(error)
            raise Unavailable(
                "The service is not configured; its operator finds the settings in the log.",
                retry_after=60,
            ) from error
    return _current


def _store(settings: Settings, catalogue: Catalogue) -> Store:
    # Imported here: the SDK costs more to import than everything else of the app together.
    from shared.store.azure_table import AzureTable, TableAddress  # noqa: PLC0415

    secret = settings.table_connection_string
    if secret is None:
        address = TableAddress(settings.table_name, endpoint=settings.table_endpoint)
        table = AzureTable(address, open_credential(settings))
    else:
        connection_string = secret.get_secret_value()
        table = AzureTable(TableAddress(settings.table_name, connection_string=connection_string))
    return open_store(
        table,
        changed_names,
        custom=tuple(map(_custom_type, catalogue.others)),
        reject_unknown_members=settings.unknown_members == "reject",
        member_writes_per_second=settings.member_writes_per_second,
    )


def _custom_type(resource_type: ResourceType) -> CustomType:
    """Tell the store of a type what it has to know: its name, and what is unique."""
    unique = tuple(
        UniqueAttribute(attribute.name, attribute.case_exact) for attribute in resource_type.unique
    )
    return CustomType(resource_type.name, unique)


def _report(error: SettingsError) -> None:
    for problem in error.problems:
        if problem not in _reported:
            _reported.add(problem)
            _log.error("setting refused: %s", problem)
