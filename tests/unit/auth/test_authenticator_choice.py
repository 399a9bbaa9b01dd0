"""Which authenticator the settings lead to, and what it loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from shared.auth.configured import Unconfigured, authenticator
from shared.auth.tokens import DevelopmentTokens
from shared.auth.vault import VaultTokens
from shared.errors import Unavailable
from shared.identity import open_credential
from shared.settings import Settings

ROOT = Path(__file__).parents[3]
VAULT = {"KEY_VAULT_URL": "https://vault.example.com"}
PRODUCTION = {"TABLE_ENDPOINT": "https://account.table.core.windows.net"}
DEVELOPMENT = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
TOKEN = {"SCIM_SECRET_TOKEN": "token-of-a-developer"}


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        (PRODUCTION | VAULT, VaultTokens),
        (PRODUCTION, Unconfigured),
        (DEVELOPMENT | TOKEN, DevelopmentTokens),
        (DEVELOPMENT | TOKEN | VAULT, DevelopmentTokens),
        (DEVELOPMENT | VAULT, VaultTokens),
        (DEVELOPMENT, Unconfigured),
    ],
)
async def test_the_settings_say_where_tokens_are(environ: dict[str, str], kind: type) -> None:
    tokens = authenticator(Settings.from_environment(environ))
    assert type(tokens) is kind
    await tokens.close()


@pytest.mark.parametrize(
    ("environ", "setting"), [(PRODUCTION, "KEY_VAULT_URL"), (DEVELOPMENT, "SCIM_SECRET_TOKEN")]
)
async def test_without_a_place_for_tokens_nothing_opens_and_the_log_says_once_what_to_set(
    environ: dict[str, str], setting: str, auth_log: pytest.LogCaptureFixture
) -> None:
    tokens = authenticator(Settings.from_environment(environ))
    for header in ("Bearer a-token-that-could-be-right", "Bearer ", None):
        with pytest.raises(Unavailable) as refusal:
            await tokens.authenticate("default", header)
        assert refusal.value.retry_after == 60
    [line] = [record.getMessage() for record in auth_log.records]
    assert line == f"{setting} is not set, so every request is answered 503; set it"


@pytest.mark.parametrize(
    ("environ", "kind"),
    [(PRODUCTION, ManagedIdentityCredential), (DEVELOPMENT, DefaultAzureCredential)],
)
async def test_production_uses_the_managed_identity_and_tries_no_other(
    environ: dict[str, str], kind: type
) -> None:
    credential = open_credential(Settings.from_environment(environ))
    assert type(credential) is kind
    await credential.close()


def test_who_has_tokens_in_the_settings_imports_no_sdk() -> None:
    """Cold start: a developer's machine waits for nothing that only the vault needs."""
    code = (
        "import sys\n"
        "from shared.auth.configured import authenticator\n"
        "from shared.settings import Settings\n"
        f"authenticator(Settings.from_environment({DEVELOPMENT | TOKEN}))\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('azure', 'aiohttp')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
