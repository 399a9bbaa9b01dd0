"""The services of a process: built from the settings at the first request, or not at all."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest

from shared.notices import Notices
from shared.schema_files import ROOT
from shared.settings import Settings
from shared.web import services

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shared.web.services import Services
    from tests.unit.web.conftest import BrokenTable

    Call = Callable[..., Any]

EXAMPLES = ROOT / "docs" / "examples" / "scim_schemas"
SECRET = "a-token-that-is-no-ones-business"
DEVELOPMENT = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
PRODUCTION = {"TABLE_ENDPOINT": "https://account.table.core.windows.net"}
GUARDED = ("users", "groups_id", "tenant_users_id", "schemas", "tenant_service_provider_config")


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Begin a process that has served no request, with these settings and no others."""

    def begin(environ: dict[str, str]) -> None:
        monkeypatch.setattr(services, "_current", None)
        monkeypatch.setattr(services, "_notices", Notices(60.0))
        for name in os.environ:
            if name.startswith(("SCIM_", "TABLE_", "KEY_VAULT", "AZURE_")):
                monkeypatch.delenv(name)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)

    return begin


def errors(log: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in log.records if each.levelno == logging.ERROR]


async def refusals(call: Call, *tokens: str) -> None:
    """Assert that every endpoint answers 503, whatever token comes."""
    for name in GUARDED:
        for token in tokens:
            headers = {"authorization": f"Bearer {token}"}
            response = await call(name, headers=headers, tenant="acme", id="0" * 32)
            assert response.status_code == 503
            assert response.headers["Retry-After"] == "60"
            body = json.loads(response.get_body())
            assert (body["status"], "configured" in body["detail"]) == ("503", True)
            assert token not in response.get_body().decode()


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, ["TABLE_ENDPOINT"]),
        (
            {**PRODUCTION, "SCIM_SECRET_TOKEN": SECRET, "SCIM_SCAN_MAX_ROWS": "many"},
            ["SCIM_SECRET_TOKEN", "SCIM_SCAN_MAX_ROWS"],
        ),
    ],
    ids=["no table", "a token in production"],
)
async def test_with_wrong_settings_nothing_is_served_and_the_log_names_each_once(
    call: Call,
    start: Callable[[dict[str, str]], None],
    caplog: pytest.LogCaptureFixture,
    environ: dict[str, str],
    named: list[str],
) -> None:
    start(environ)
    await refusals(call, SECRET, "x" * 16)
    lines = errors(caplog)
    assert [line.split()[:3] for line in lines] == [["setting", "refused:", name] for name in named]
    assert SECRET not in caplog.text


async def test_with_a_bad_file_of_schemas_nothing_is_served_until_it_is_mended(
    call: Call,
    start: Callable[[dict[str, str]], None],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    file = tmp_path / "own.json"
    file.write_text('{"name": "Device", "endpoint": "/Users"}')
    environ = {**DEVELOPMENT, "SCIM_SECRET_TOKEN": SECRET, "SCIM_SCHEMAS": str(file)}
    start(environ)
    await refusals(call, SECRET, "x" * 16)
    (line,) = errors(caplog)
    assert line == f"setting refused: SCIM_SCHEMAS: {file}: schema is missing; add it"
    file.write_bytes((EXAMPLES / "device.json").read_bytes())
    response = await call("resource_types", headers={"authorization": f"Bearer {SECRET}"})
    assert response.status_code == 200
    names = [each["name"] for each in json.loads(response.get_body())["Resources"]]
    assert names == ["User", "Group", "Device"]
    await services.current().close()


@pytest.mark.parametrize(
    ("environ", "setting"),
    [(DEVELOPMENT, "SCIM_SECRET_TOKEN"), (PRODUCTION, "KEY_VAULT_URL")],
    ids=["development", "production"],
)
async def test_without_a_place_for_tokens_no_token_is_right_and_the_log_says_what_to_set(
    call: Call,
    start: Callable[[dict[str, str]], None],
    caplog: pytest.LogCaptureFixture,
    environ: dict[str, str],
    setting: str,
) -> None:
    start(environ)
    await refusals(call, SECRET, "undefined-but-long-enough")
    (line,) = errors(caplog)
    assert line.startswith(f"{setting} is not set")
    await services.current().close()


async def test_settings_that_were_mended_are_read_at_the_next_request(
    start: Callable[[dict[str, str]], None], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    start({**DEVELOPMENT, "SCIM_SECRET_TOKEN": "short"})
    assert (await call("schemas")).status_code == 503
    monkeypatch.setenv("SCIM_SECRET_TOKEN", SECRET)
    response = await call("schemas", headers={"authorization": f"Bearer {SECRET}"})
    assert response.status_code == 200
    await services.current().close()


async def test_a_process_builds_its_services_once(start: Callable[[dict[str, str]], None]) -> None:
    start({**DEVELOPMENT, "SCIM_SECRET_TOKEN": SECRET})
    assert services.current() is services.current()
    await services.current().close()


async def test_what_is_built_is_closed(process: Services, broken_table: BrokenTable) -> None:
    await process.close()
    assert broken_table.is_closed


async def test_the_sdks_do_not_log_two_lines_a_storage_call(
    start: Callable[[dict[str, str]], None],
) -> None:
    start({})
    built = services.build(Settings.from_environment(PRODUCTION))
    for name in ("azure.core.pipeline.policies.http_logging_policy", "azure.identity.aio"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    await built.close()
