"""Whatever is missing or broken around `tools.admin`, a command ends with one line that says so."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from aiohttp import web

from tests.ops.tools.conftest import Admin, Ended, admin_with
from tests.support.fakes.key_vault import serving
from tools.admin import places
from tools.admin import vault as vault_module
from tools.admin.__main__ import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault

ROOT = Path(__file__).parents[3]
OF_THE_VAULT = [
    ("token", "new"),
    ("token", "rotate", "--tenant", "acme"),
    ("token", "revoke", "1a2b3c4d"),
    ("token", "revoke", "--all", "--yes", "--tenant", "acme"),
    ("token", "list"),
    ("apikey", "new", "crm", "--scopes", "identities.read"),
    ("apikey", "rotate", "crm"),
    ("apikey", "revoke", "crm", "1a2b3c4d"),
    ("apikey", "revoke", "crm", "--all", "--yes"),
    ("apikey", "list"),
    ("apikey", "list", "crm"),
    ("tenant", "list"),
    ("token", "off"),
    ("token", "on", "--tenant", "acme"),
    ("client", "new", "entra"),
    ("client", "rotate", "entra", "--tenant", "acme"),
    ("client", "revoke", "entra", "1a2b3c4d"),
    ("client", "revoke", "entra", "--all", "--yes"),
    ("client", "list"),
    ("client", "list", "entra"),
    ("signing-key", "new"),
    ("signing-key", "rotate"),
    ("signing-key", "revoke", "1a2b3c4d"),
    ("signing-key", "revoke", "--all", "--yes"),
    ("signing-key", "list"),
    ("link", "new", "--url", "https://scim.example.com"),
    ("webhook", "new", "https://hooks.example.com", "--tenant", "acme"),
    ("webhook", "rotate", "0" * 32),
    ("webhook", "delete", "0" * 32, "--yes"),
]
OF_THE_TABLE = [
    ("tenant", "stats"),
    ("tenant", "stats", "acme", "--memberships"),
    ("user", "show", "ana"),
    ("user", "show", "0" * 32),
    ("group", "show", "Sales"),
    ("group", "members", "Sales", "--at", "2h"),
    ("changes",),
    ("changes", "--since", "0001-01-01"),
    ("changes", "--since", "9999-12-31T23:59:59-14:00"),
    ("storage", "verify"),
    ("tenant", "show", "acme"),
    ("tenant", "set", "acme", "--requests-per-second", "50"),
    ("link", "list"),
    ("link", "revoke", "0" * 32),
    ("log",),
    ("log", "--since", "7d", "--user", "ana"),
    ("why", "acme", "ana"),
    ("guard", "show"),
    ("guard", "release", "0" * 32),
    ("guard", "undo", "0" * 32),
    ("webhook", "list"),
    ("webhook", "show", "0" * 32),
    ("webhook", "set", "0" * 32, "--all-types"),
    ("webhook", "pause", "0" * 32),
    ("webhook", "resume", "0" * 32),
    ("webhook", "deliveries", "0" * 32),
    ("webhook", "redeliver", "0" * 32, "--dead"),
    ("trace", "off"),
    ("trace", "off", "--tenant", "acme"),
    ("trace", "list", "--tenant", "acme"),
]
SETTINGS = [each for each in OF_THE_TABLE if each[:2] in {("tenant", "show"), ("tenant", "set")}]
OF_BOTH = [("trace", "on"), ("trace", "show"), ("trace", "list")]
SAYS_WHAT_IT_COULD_NOT_CHECK = {("client", "explain")}
"""Ends well whatever is out of reach: `test_admin_client_explain.py` tries that."""
COMMANDS = [*OF_THE_VAULT, ("token", "revoke", "--all"), *OF_THE_TABLE, *OF_BOTH, ("whoami",)]


def leaves(words: tuple[str, ...], command: object) -> Iterator[tuple[str, ...]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield words
    for word, each in (below or {}).items():
        yield from leaves((*words, word), each)


def test_every_command_is_tried() -> None:
    tried = {command[: len(words)] for command in COMMANDS for words in [*known()]}
    assert known() - SAYS_WHAT_IT_COULD_NOT_CHECK <= tried


def known() -> set[tuple[str, ...]]:
    return set(leaves((), typer.main.get_command(app)))


def assert_one_line(ended: Ended, command: tuple[str, ...]) -> None:
    """It ended with an error in one line; `whoami` shows what it found out instead."""
    assert ended.status in {1, 2, 3}, (command, ended)
    if command == ("whoami",) and ended.out:
        assert ended.status == 1
        return
    assert ended.out == "", command
    *_, line = ended.err.splitlines()
    assert line.startswith("error: "), (command, ended.err)


async def assert_each_says_it(admin: Admin, commands: list[tuple[str, ...]], said: str) -> None:
    for command in commands:
        ended = await admin(*command)
        assert_one_line(ended, command)
        assert said in ended.err + ended.out, (command, ended)


# --- nothing, or something broken, on this machine


async def test_without_any_place(operator: None) -> None:
    await assert_each_says_it(admin_with({}), COMMANDS, "KEY_VAULT_URL and TABLE_ENDPOINT")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "must hold a JSON object"),
        (b'{"IsEncrypted": true, "Values": {}}', "func settings decrypt"),
        (b'{"Values": null}', "must be an object of strings"),
        (b'{"Values": {"PORT": 1}}', "must be an object of strings"),
        (b'{"Values": {"TABLE_NAME": "?"}}', "TABLE_NAME should"),
        (b'{"Values": {"TABLE_CONNECTION_STRING": "x"}}', "TABLE_CONNECTION_STRING should"),
        (None, "cannot be read: Is a directory"),
    ],
)
async def test_settings_of_this_machine_that_cannot_be_used(
    operator: None, content: bytes | None, said: str
) -> None:
    file = places.ROOT / "local.settings.json"
    file.mkdir() if content is None else file.write_bytes(content)
    await assert_each_says_it(admin_with({}), COMMANDS, said)


async def test_tokens_where_there_is_no_vault(operator: None) -> None:
    (places.ROOT / "local.settings.json").write_text('{"Values": {}}')
    commands = [command for command in COMMANDS if command[0] == "token"]
    await assert_each_says_it(admin_with({}), commands, "takes its tokens from local.settings.json")


@pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:9/x", "http://127.0.0.1:99999"])
async def test_a_storage_that_nobody_reaches(operator: None, address: str) -> None:
    settings = f"UseDevelopmentStorage=true;TableEndpoint={address}"
    admin = admin_with({"TABLE_CONNECTION_STRING": settings})
    read = [
        each for each in OF_THE_TABLE if each[0] in {"user", "group", "link", "log", "why", "trace"}
    ]
    of_tenants = [("tenant", "stats", "acme"), *OF_THE_TABLE[1:2], *SETTINGS]
    commands = [*of_tenants, *read, ("changes",), ("whoami",)]
    await assert_each_says_it(admin, commands, "did not answer")


# --- the vault, the sign-in and the storage


def page(_: str) -> web.Response:
    return web.Response(text="<html>Sign in to the hotel", content_type="text/html")


GARBLED: dict[str, Any] = {
    "a page": page,
    "nothing": lambda _: web.Response(),
    "a list": lambda _: web.json_response([1]),
    "a list of something else": lambda _: web.json_response({"value": [1, None, {"id": "x"}]}),
    "a refusal in other words": lambda _: web.json_response({"error": ["no"]}, status=403),
}


@pytest.mark.parametrize("garbled", GARBLED)
async def test_what_answers_is_no_vault(admin: Admin, vault: FakeKeyVault, garbled: str) -> None:
    vault.fault = GARBLED[garbled]
    await assert_each_says_it(admin, [*OF_THE_VAULT, ("whoami",)], vault.url)


async def test_a_vault_that_asks_for_a_sign_in_to_another(
    admin: Admin, vault: FakeKeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**vault_module.CLIENT_OPTIONS, "verify_challenge_resource": True}
    monkeypatch.setattr(vault_module, "CLIENT_OPTIONS", options)
    await assert_each_says_it(admin, OF_THE_VAULT, f"what answers at {vault.url} is no Key Vault")


async def test_a_vault_that_nobody_reaches(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**vault_module.CLIENT_OPTIONS, "retry_total": 0}
    monkeypatch.setattr(vault_module, "CLIENT_OPTIONS", options)
    vault = ("--vault", "https://127.0.0.1:9")
    commands = [(*command, *vault) for command in OF_THE_VAULT]
    await assert_each_says_it(admin, commands, "did not answer")


async def test_nobody_is_signed_in(admin: Admin, identity: FakeIdentity) -> None:
    identity.status = 400
    await assert_each_says_it(admin, [*OF_THE_VAULT, ("whoami",)], "run `az login`")


@pytest.mark.parametrize(
    "environ",
    [
        {"AZURE_AUTHORITY_HOST": "http://login"},
        {
            "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
            "AZURE_TENANT_ID": "no tenant",
            "AZURE_CLIENT_ID": "x",
            "AZURE_CLIENT_SECRET": "y",
        },
        {
            "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
            "AZURE_TENANT_ID": "t",
            "AZURE_CLIENT_ID": "x",
            "AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere.pem",
        },
    ],
)
async def test_a_sign_in_that_cannot_be(operator: None, environ: dict[str, str]) -> None:
    tables = {"TABLE_ENDPOINT": "https://127.0.0.1:9", "KEY_VAULT_URL": "https://127.0.0.1:9"}
    commands = [*OF_THE_VAULT[1:], *OF_THE_TABLE[1:], ("whoami",)]
    await assert_each_says_it(admin_with({**tables, **environ}), commands, "the sign-in (AZURE_")


@pytest.mark.parametrize("garbled", ["a page", "nothing", "a list", "a list of something else"])
async def test_what_answers_is_no_table_storage(operator: None, garbled: str) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        garbled_answer: web.Response = GARBLED[garbled](request.path)
        return garbled_answer

    async with serving(answer) as url:
        settings = f"UseDevelopmentStorage=true;TableEndpoint={url}/devstoreaccount1"
        admin = admin_with({"TABLE_CONNECTION_STRING": settings})
        found = [("link", "list"), ("log",), *SETTINGS]
        commands = [("tenant", "stats", "acme"), ("user", "show", "ana"), ("changes",), *found]
        await assert_each_says_it(admin, commands, "did not answer")


# --- the terminal


async def process(*arguments: str, redirected: str, **environ: str) -> Ended:
    """Run a command of a shell's, with a redirection."""
    command = f"exec {sys.executable} -m tools.admin {' '.join(arguments)} {redirected}"
    started = await asyncio.create_subprocess_exec(
        *("sh", "-c", command),
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await started.communicate()
    assert started.returncode is not None
    return Ended(started.returncode, out.decode(), err.decode())


@pytest.mark.parametrize("redirected", ["</dev/null", "<&-"])
async def test_a_question_that_nobody_answers_is_a_no(redirected: str) -> None:
    arguments = ("token", "revoke", "--all", "--vault", "https://127.0.0.1:9")
    ended = await process(*arguments, redirected=redirected)
    assert (ended.status, ended.out) == (1, "")
    *_, line = ended.err.splitlines()
    assert line == "error: nothing was done, because it was not confirmed; --yes does without"


@pytest.mark.parametrize("form", ["--json", ""])
@pytest.mark.parametrize(
    ("redirected", "said"), [(">/dev/full", "No space left"), (">&-", "Bad file descriptor")]
)
async def test_a_result_that_cannot_be_written_is_said(
    redirected: str, said: str, form: str
) -> None:
    environ = {"KEY_VAULT_URL": "", "TABLE_ENDPOINT": "", "SCIM_SECRET_TOKEN": "a-token-of-nobody"}
    environ["TABLE_CONNECTION_STRING"] = "UseDevelopmentStorage=true"
    ended = await process("tenant", "list", form, redirected=redirected, **environ)
    assert ended.status == 70
    *_, line = ended.err.splitlines()
    assert line.startswith("error: the system refused it")
    assert said in line


async def test_what_standard_error_does_not_take_is_lost_alone() -> None:
    environ = {"KEY_VAULT_URL": "", "TABLE_ENDPOINT": "", "SCIM_SECRET_TOKEN": "a-token-of-nobody"}
    environ["TABLE_CONNECTION_STRING"] = "UseDevelopmentStorage=true"
    ended = await process("tenant", "list", "--json", redirected="2>&-", **environ)
    assert ended.status == 0
    assert ended.json[0]["tenant"] == "default"
