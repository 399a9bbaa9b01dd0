"""Which vault and which storage a command works on.

Options go before the environment. When neither names a vault or a storage, it is the service on
this machine: the storage of the one `make run` that runs in this folder, and the settings of
`local.settings.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from local import run_record, settings_file
from local.errors import LocalError
from shared.settings import Settings, SettingsError
from tools.admin.errors import WrongSettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.run_record import RunRecord

ROOT = Path(__file__).resolve().parents[2]

_VAULT, _ENDPOINT, _TABLE = "KEY_VAULT_URL", "TABLE_ENDPOINT", "TABLE_NAME"
_CONNECTION_STRING = "TABLE_CONNECTION_STRING"
_OF_AZURE = (_VAULT, _ENDPOINT, _TABLE, "AZURE_CLIENT_ID")

# So the sign-in of a developer is used (`shared/identity.py`), and a connection string allowed.
_DEVELOPMENT = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}


class Kept(StrEnum):
    """What a command manages in a vault, and where the service on this machine has it instead.

    The texts go on after "the service on this machine".
    """

    TOKENS = (
        "takes its tokens from local.settings.json, not from a vault: `make token` shows the token"
        " of the tenant default, and an edit of the file changes it"
    )
    API_KEYS = (
        "takes its API keys from local.settings.json, not from a vault: set SCIM_API_KEY__<NAME>"
        " there, and start it again"
    )
    CLIENTS = (
        "has one OAuth client for each tenant, `local`, and none in a vault: set"
        " SCIM_CLIENT_SECRET in local.settings.json, and start it again"
    )
    SIGNING_KEYS = (
        "draws a signing key of its own when it starts, and has none in a vault: there is nothing"
        " to draw, rotate or list"
    )
    WEBHOOK_SECRETS = (
        "keeps the secrets of webhooks in its memory, not in a vault: create, rotate and delete"
        " with POST, DELETE and /secrets of /api/v1/webhooks instead"
    )
    TRACE_KEYS = (
        "has no vault to keep the key of a trace in, so it keeps no traces; `log` tells what it has"
        " refused"
    )


@dataclass(frozen=True, slots=True)
class Given:
    """What the options of a command name, or the environment in their place; None is nothing."""

    vault: str | None = None
    storage: str | None = None
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A vault and a storage.

    Attributes:
        settings: their addresses, checked.
        is_local: whether they are those of the service on this machine.
        names_table: whether an option or the environment names the table.
        is_named: whether options or the environment name the storage.
        run: the run of the service in this folder that it was found by; None when none runs, or the
            storage is named.
        kept: what the command manages in the vault.
    """

    settings: Settings
    is_local: bool
    names_table: bool
    is_named: bool
    run: RunRecord | None = None
    kept: Kept = Kept.TOKENS

    @property
    def vault_url(self) -> str:
        """The vault.

        Raises:
            WrongSettingError: none is named.
        """
        if self.settings.key_vault_url is not None:
            return self.settings.key_vault_url
        if self.is_local:
            raise WrongSettingError(
                f"the service on this machine {self.kept}; for a service in Azure give --vault (or"
                f" {_VAULT})"
            )
        raise WrongSettingError(
            f"{_VAULT} is not set: give --vault https://<vault>.vault.azure.net"
        )

    @property
    def storage_name(self) -> str | None:
        """The storage as a person knows it; None when none is named."""
        if self.settings.table_endpoint is not None:
            return self.settings.table_endpoint
        if not self.is_local or self.settings.table_connection_string is None:
            return None
        pairs = self.settings.table_connection_string.get_secret_value().split(";")
        named = dict(pair.split("=", 1) for pair in pairs)
        return named.get("TableEndpoint") or named["AccountName"]

    @property
    def storage(self) -> str:
        """The storage as a person knows it.

        Raises:
            WrongSettingError: none is named.
        """
        if self.storage_name is None:
            raise WrongSettingError(
                f"{_ENDPOINT} is not set: give --storage https://<account>.table.core.windows.net"
            )
        return self.storage_name

    @property
    def local_tenants(self) -> tuple[str, ...]:
        """The tenants whose tokens are in the settings of this machine."""
        return self.run.tenants if self.run else tuple(sorted(self.settings.development_tokens))


def find(given: Given, environ: Mapping[str, str]) -> Place:
    """Find the vault and the storage to work on.

    Raises:
        WrongSettingError: they are not named, or cannot be used as they are.
    """
    own = {_VAULT: given.vault, _ENDPOINT: given.storage, _TABLE: given.table}
    named = {name: environ.get(name) for name in _OF_AZURE}
    named |= {name: value for name, value in own.items() if value}
    asked = {name: value.strip() for name, value in named.items() if value and value.strip()}
    is_local = _VAULT not in asked and _ENDPOINT not in asked
    is_named = not is_local or bool(environ.get(_CONNECTION_STRING))
    run = None if is_named else _run_of_this_folder()
    try:
        values = {**_of_this_machine(environ, run), **asked} if is_local else asked
        settings = Settings.from_environment({**values, **_DEVELOPMENT})
    except SettingsError as error:
        raise WrongSettingError("; ".join(error.problems)) from error
    return Place(settings, is_local, _TABLE in asked, is_named, run)


def is_run_here(environ: Mapping[str, str]) -> bool:
    """Tell whether the service on this machine is meant: nothing is named, and it runs here."""
    return not any(environ.get(name) for name in (_VAULT, _ENDPOINT)) and bool(
        run_record.living(ROOT)
    )


def _run_of_this_folder() -> RunRecord | None:
    """Find the service that runs in this folder.

    Raises:
        WrongSettingError: several do, and nothing says which is meant.
    """
    runs = run_record.living(ROOT)
    if len(runs) > 1:
        choices = "; ".join(
            f"{run.tenant_url}: {_CONNECTION_STRING}='{run.storage}'"
            if run.storage
            else f"{run.tenant_url}: that of its settings"
            for run in runs
        )
        raise WrongSettingError(
            f"{len(runs)} services run in this folder: set the storage of the one you mean"
            f" ({choices})"
        )
    return runs[0] if runs else None


def _of_this_machine(environ: Mapping[str, str], run: RunRecord | None) -> dict[str, str]:
    """Read the settings of the local service; the environment wins, as it does for the service."""
    of_run = {} if run is None else {_TABLE: run.table}
    if run is not None and run.storage is not None:
        of_run[_CONNECTION_STRING] = run.storage
    try:
        held = settings_file.values(ROOT / settings_file.FILE)
    except LocalError as error:
        if _CONNECTION_STRING not in {**of_run, **environ}:
            raise WrongSettingError(
                f"{_VAULT} and {_ENDPOINT} are not set, and {error}: give --vault and --storage for"
                " a service in Azure, or run `make run` once for the one on this machine"
            ) from error
        held = {}
    return {**held, **of_run, **{name: value for name, value in environ.items() if value}}
