"""What the tests of the command-line tools share."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from typer.testing import CliRunner

from tests.support.fakes.recording_service import RecordingService, serving
from tools.admin import places
from tools.admin import vault as vault_module
from tools.admin.__main__ import app as admin_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from local.azurite import Azurite
    from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault
    from tests.support.fixtures.key_vault import Certificates


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Admin(Protocol):
    """Runs `python -m tools.admin` with these arguments, and an answer to what it asks."""

    async def __call__(self, *arguments: str, answer: str | None = None) -> Ended: ...


@pytest.fixture
async def service() -> AsyncIterator[RecordingService]:
    """A service that records every request."""
    async with serving() as recording:
        yield recording


def admin_with(environ: dict[str, str]) -> Admin:
    """Run the commands within this process, whose event loop goes on to serve the fakes."""

    async def run(*arguments: str, answer: str | None = None) -> Ended:
        ended = await asyncio.to_thread(
            CliRunner().invoke, admin_app, arguments, input=answer, env={**environ, "COLUMNS": "80"}
        )
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An operator whose environment names no place, and whose folder holds no settings."""
    for name in ("KEY_VAULT_URL", "TABLE_ENDPOINT", "TABLE_NAME", "TABLE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(places, "ROOT", tmp_path)


@pytest.fixture
def admin(
    operator: None,
    vault: FakeKeyVault,
    identity: FakeIdentity,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> Admin:
    """The operator of a vault, signed in by the identity endpoint as on a build agent."""
    trust = {"connection_verify": str(certificates.authority), "verify_challenge_resource": False}
    monkeypatch.setattr(vault_module, "CLIENT_OPTIONS", {**vault_module.CLIENT_OPTIONS, **trust})
    credentials = {"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}
    return admin_with({"KEY_VAULT_URL": vault.url, **credentials})


@pytest.fixture
def table_admin(operator: None, storage: Azurite) -> Admin:
    """The operator of a table, which a connection string opens as on a developer's machine."""
    return admin_with({"TABLE_CONNECTION_STRING": storage.connection_string})
