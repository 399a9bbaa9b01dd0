"""`tools.reconcile` beside the service: who disagrees, in which order, and what is refused."""

from __future__ import annotations

import asyncio
import csv
import io
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tests.ops.tools.conftest import Ended
from tests.support.fakes.recording_service import LIST, RecordingService, answer
from tests.support.fixtures.api_client import KEYS
from tools.reconcile.__main__ import app
from tools.reconcile.attributes import ROLES_SCHEMA, Chosen, Match
from tools.reconcile.comparison import Comparison
from tools.reconcile.export import Account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fixtures.scim_client import Scim

KEY = KEYS["reader"]


async def reconcile(url: str, file: Path, *options: str, key: str = KEY) -> Ended:
    environ = {"SCIM_URL": url, "SCIM_API_KEY": key, "COLUMNS": "100"}
    ended = await asyncio.to_thread(CliRunner().invoke, app, [str(file), *options], env=environ)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert key not in ended.stdout + ended.stderr
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "export.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.fixture
async def people(scim: Scim) -> dict[str, str]:
    """Five users of the directory, of whom two are disabled; their ids by name."""
    users = {
        "ana": {"externalId": "1", "active": True, "displayName": "Ana Ruiz"},
        "bo": {"externalId": "2", "active": False},
        "cy": {"externalId": "3", "active": True},
        "di": {"externalId": "4", "active": False},
        "eva": {"externalId": "5", "active": True},
    }
    return {
        name: (await scim.create_user(f"{name}@contoso.test", **of))["id"]
        for name, of in users.items()
    }


EXPORT = """\
Login,Enabled,Name
ANA@contoso.test,yes,Ana R.
bo@contoso.test,yes,
cy@contoso.test,no,
gone@contoso.test,yes,
left@contoso.test,no,
"""
BY_LOGIN = ("--match", "userName=Login", "--active", "Enabled")


def kinds(ended: Ended) -> list[tuple[str, str]]:
    return [(each["kind"], each["key"]) for each in ended.json["findings"]]


async def test_who_disagrees_is_told_the_most_dangerous_first(
    scim: Scim, people: dict[str, str], tmp_path: Path
) -> None:
    file = written(tmp_path, EXPORT)
    async with scim.unchanged():
        ended = await reconcile(scim.tenant_url, file, *BY_LOGIN, "--format", "json")
    assert (ended.status, ended.err) == (1, "")
    assert kinds(ended) == [
        ("activeButDisabled", "bo@contoso.test"),
        ("onlyInProduct", "gone@contoso.test"),
        ("onlyInProduct", "left@contoso.test"),
        *[("onlyInDirectory", f"{name}@contoso.test") for name in _by_id(people, "di", "eva")],
        ("inactiveButEnabled", "cy@contoso.test"),
    ]
    report = ended.json
    assert (report["equal"], report["accounts"], report["users"]) == (False, 5, 5)
    assert report["counts"] == {
        "activeButDisabled": 1,
        "onlyInProduct": 2,
        "ambiguous": 0,
        "onlyInDirectory": 2,
        "inactiveButEnabled": 1,
        "different": 0,
    }
    assert report["findings"][0] == {
        "kind": "activeButDisabled",
        "key": "bo@contoso.test",
        "line": 3,
        "id": people["bo"],
        "userName": "bo@contoso.test",
    }
    alone = {each["key"]: each["active"] for each in report["findings"] if "active" in each}
    assert alone == {
        "gone@contoso.test": True,
        "left@contoso.test": False,
        "di@contoso.test": False,
        "eva@contoso.test": True,
    }


def _by_id(people: dict[str, str], *names: str) -> list[str]:
    return sorted(names, key=people.__getitem__)


async def test_who_is_inactive_and_in_one_of_the_two_can_be_left_out(
    scim: Scim, people: dict[str, str], tmp_path: Path
) -> None:
    file = written(tmp_path, EXPORT)
    options = (*BY_LOGIN, "--ignore-inactive", "--format", "json")
    ended = await reconcile(scim.tenant_url, file, *options)
    assert kinds(ended) == [
        ("activeButDisabled", "bo@contoso.test"),
        ("onlyInProduct", "gone@contoso.test"),
        ("onlyInDirectory", "eva@contoso.test"),
        ("inactiveButEnabled", "cy@contoso.test"),
    ]


async def test_without_a_column_of_who_is_active_all_accounts_are(
    scim: Scim, people: dict[str, str], tmp_path: Path
) -> None:
    file = written(tmp_path, EXPORT)
    options = ("--match", "userName=Login", "--format", "json")
    ended = await reconcile(scim.tenant_url, file, *options)
    assert ended.json["counts"]["activeButDisabled"] == 1
    assert ended.json["counts"]["inactiveButEnabled"] == 0


async def test_people_read_a_table_and_lists(
    scim: Scim, people: dict[str, str], tmp_path: Path
) -> None:
    file = written(tmp_path, EXPORT)
    options = (*BY_LOGIN, "--compare", "displayName=Name", "--show", "1")
    ended = await reconcile(scim.tenant_url, file, *options)
    assert ended.status == 1
    assert "active in the product, disabled in the directory 1" in " ".join(ended.out.split())
    assert f"line 3, 'bo@contoso.test', 'bo@contoso.test' ({people['bo']})" in ended.out
    assert "line 5, 'gone@contoso.test', active" in ended.out
    assert "and 1 more (--show, or --format csv for all)" in ended.out
    assert "displayName 'Ana R.' is 'Ana Ruiz'" in ended.out


async def test_programs_read_csv_with_a_line_for_each_difference(
    scim: Scim, people: dict[str, str], tmp_path: Path
) -> None:
    file = written(tmp_path, "externalId;displayName;title\n1;Ana R.;CEO\n2;;\n3;;\n4;;\n5;;\n")
    options = ("--match", "externalId", "--compare", "displayName", "--compare", "title")
    ended = await reconcile(scim.tenant_url, file, *options, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert [(row["kind"], row["key"], row["line"]) for row in rows] == [
        ("activeButDisabled", "2", "3"),
        ("activeButDisabled", "4", "5"),
        ("different", "1", "2"),
        ("different", "1", "2"),
    ]
    differing = [(row["attribute"], row["product"], row["directory"]) for row in rows[2:]]
    assert differing == [("displayName", "Ana R.", "Ana Ruiz"), ("title", "CEO", "")]
    assert {row["id"] for row in rows[2:]} == {people["ana"]}


@pytest.mark.parametrize("form", ["text", "csv", "json"])
async def test_equal_is_equal_in_every_form(
    scim: Scim, people: dict[str, str], tmp_path: Path, form: str
) -> None:
    rows = "".join(f"{people[name]},{name in 'ana cy eva'}\n" for name in people)
    file = written(tmp_path, f"\ufeffid,active\n{rows}")  # as a spreadsheet begins it
    options = ("--match", "id", "--active", "active", "--format", form)
    ended = await reconcile(scim.tenant_url, file, *options)
    assert ended.status == 0, ended.out
    assert {
        "text": "The product and the directory are equal." in ended.out,
        "csv": len(ended.out.splitlines()) == 1,
        "json": '"equal": true' in ended.out,
    }[form]


async def test_any_address_of_a_user_matches_and_two_users_for_one_account_are_told(
    scim: Scim, tmp_path: Path
) -> None:
    work, home = (
        {"type": "work", "value": "Ana@contoso.test"},
        {"type": "home", "value": "a@b.test"},
    )
    await scim.create_user("ana", emails=[work, home], active=True)
    await scim.create_user("bo", emails=[{"type": "work", "value": "a@b.test"}], active=True)
    file = written(tmp_path, "Mail\nana@CONTOSO.test\nA@B.test\n")
    ended = await reconcile(scim.tenant_url, file, "--match", "email=Mail", "--format", "json")
    assert kinds(ended) == [("ambiguous", "A@B.test")]


async def test_more_people_than_fit_into_a_page_are_compared(scim: Scim, tmp_path: Path) -> None:
    names = [f"u{number:03}" for number in range(230)]
    for start in range(0, len(names), 10):
        part = names[start : start + 10]
        await asyncio.gather(*(scim.create_user(name, active=True) for name in part))
    file = written(tmp_path, "userName\n" + "".join(f"{name}\n" for name in names))
    ended = await reconcile(scim.tenant_url, file, "--format", "json")
    assert (ended.status, ended.json["users"], ended.json["findings"]) == (0, 230, [])


async def test_roles_are_compared_whatever_their_order(
    service: RecordingService, tmp_path: Path
) -> None:
    users = [
        {"id": "1", "userName": "ana", "active": True, ROLES_SCHEMA: {"roles": ["admin", "user"]}},
        {"id": "2", "userName": "bo", "active": True, ROLES_SCHEMA: {"roles": ["user"]}},
        {"id": "3", "userName": "cy", "active": True},
    ]
    body = {"schemas": [LIST], "totalResults": 3, "Resources": users}
    service.tell("GET /Users", answer(200, body))
    file = written(tmp_path, "userName,Roles\nana,user; admin\nbo,admin\ncy,\n")
    options = ("--compare", "roles=Roles", "--format", "json")
    ended = await reconcile(service.url, file, *options)
    assert [each["differences"] for each in ended.json["findings"]] == [
        [{"attribute": "roles", "product": "admin", "directory": "user"}]
    ]
    assert f"attributes=userName,active,{ROLES_SCHEMA}".replace(":", "%3A") in (
        service.requests[0].target
    )


MANY = "".join(f"u{number}\n" for number in range(3))
REFUSED = {
    "no such column": ("Login\nana\n", "line 1: the column userName is missing; it has Login"),
    "an empty file": ("", "line 1: the column userName is missing; the file is empty"),
    "a column that is there twice": ("userName,userName\na,b\n", "line 1: the column userName is"),
    "the same key twice": (f"userName\n{MANY}U1\n", "line 5: userName 'U1' stands in line 3"),
    "an empty key": (f"userName\n{MANY}  \n", "line 5: userName is empty"),
    "too few cells": ("userName,active\nana\n", "line 2: fewer cells"),
    "too many cells": ("userName\nana,bo\n", "line 2: more cells"),
    "neither yes nor no": ("userName,active\nana,perhaps\n", "line 2: active: expected true or"),
    "a broken quote": ('userName\nana\n"bo\n', "line 3: unexpected end of data"),
    "Latin-1": ("userName\nana\nb\u00f6\n".encode("latin-1"), "line 3: not UTF-8"),
    "UTF-16": ("userName\nana\n".encode("utf-16"), "line 1: not UTF-8"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
async def test_an_export_that_is_not_understood_is_refused_with_its_line(
    service: RecordingService, tmp_path: Path, content: str | bytes, reason: str
) -> None:
    text = content if isinstance(content, str) else content.decode("latin-1")
    options = ("--active", "active") if "active" in text else ()
    file = written(tmp_path, content)
    ended = await reconcile(service.url, file, *options)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.splitlines()[-1].startswith(f"error: {file}: {reason}")
    assert service.requests == []


async def test_a_file_that_is_not_there_is_said(service: RecordingService, tmp_path: Path) -> None:
    ended = await reconcile(service.url, tmp_path / "none.csv")
    assert (ended.status, ended.out) == (2, "")
    assert "none.csv: No such file or directory" in ended.err


@pytest.mark.parametrize(
    "options",
    [
        ("--match", "nickName"),
        ("--match", "userName="),
        ("--compare", "active"),
        ("--compare", "shoeSize=Size"),
        ("--format", "xml"),
    ],
)
async def test_an_option_that_is_not_understood_is_refused(
    service: RecordingService, tmp_path: Path, options: tuple[str, str]
) -> None:
    ended = await reconcile(service.url, written(tmp_path, "userName\nana\n"), *options)
    assert (ended.status, ended.out) == (2, "")
    assert options[0] in ended.err
    assert service.requests == []


@pytest.mark.parametrize("key", ["events", "idle"])
async def test_a_key_without_the_scope_compares_nothing(
    scim: Scim, tmp_path: Path, key: str
) -> None:
    file = written(tmp_path, "userName\nana\n")
    ended = await reconcile(scim.tenant_url, file, key=KEYS[key])
    assert (ended.status, ended.out) == (2, "")
    assert "HTTP 403" in ended.err


BROKEN: dict[str, Any] = {
    "a page that is none": {"Resources": [{"userName": "ana"}]},
    "a service that does not page by cursor": {"Resources": [{"id": "1"}], "totalResults": 2},
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_half_a_directory_is_not_compared(
    service: RecordingService, tmp_path: Path, body: dict[str, Any]
) -> None:
    service.tell("GET /Users", answer(200, {"schemas": [LIST], **body}))
    ended = await reconcile(service.url, written(tmp_path, "userName\nana\n"))
    assert (ended.status, ended.out) == (2, "")
    assert "error: " in ended.err


async def test_nobody_who_answers_is_said(tmp_path: Path) -> None:
    file = written(tmp_path, "userName\nana\n")
    ended = await reconcile("http://127.0.0.1:1/scim/v2", file, "--retries", "0")
    assert (ended.status, ended.out) == (2, "")
    assert "nobody answers there" in ended.err


def test_memory_does_not_grow_with_the_number_of_people() -> None:
    small, large = _peak_of(500), _peak_of(5_000)
    assert large < 2 * small + 1_000_000


def _peak_of(people: int) -> int:
    compared = (Chosen("displayName", "Name"),)

    def accounts() -> Iterator[Account]:
        for number in range(people):
            yield Account(number + 2, f"u{number}@contoso.test", True, (f"User {number}",))

    tracemalloc.start()
    try:
        with Comparison.open(Match.USER_NAME, compared) as comparison:
            comparison.add_accounts(accounts())
            for start in range(0, people, 100):
                comparison.add_users(
                    {"id": str(n), "userName": f"U{n}@contoso.test", "displayName": "another"}
                    for n in range(start, start + 100)
                )
            comparison.finish()
            assert sum(1 for _ in comparison.findings()) == 2 * people
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
