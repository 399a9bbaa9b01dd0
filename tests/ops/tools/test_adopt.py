"""`tools.adopt` against the service: what is created, what is left alone, what is said."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tests.ops.tools.conftest import Ended
from tests.support.fakes.recording_service import RecordingService, answer, refusal
from tests.support.fixtures.scim_client import ENTERPRISE
from tools.adopt.__main__ import app

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fixtures.scim_client import Scim

TOKEN = "a-token-that-nobody-must-see"
PEOPLE = """\
id,userName,displayName,email,department,active,manager,groups
7,ana@contoso.test,Ana Ruiz,ana@contoso.test,Sales,,bo@contoso.test,Everyone
8,bo@contoso.test,Bo Li,bo@contoso.test,,no,,Everyone;Sales
,cy@contoso.test,,,,,,
"""


async def adopt(url: str, token: str, file: Path, *options: str) -> Ended:
    environ = {"SCIM_URL": url, "SCIM_TOKEN": token, "COLUMNS": "80"}
    ended = await asyncio.to_thread(CliRunner().invoke, app, [str(file), *options], env=environ)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


async def adopted(scim: Scim, file: Path, *options: str) -> Ended:
    return await adopt(scim.tenant_url, scim.token, file, *options)


def written(folder: Path, text: str, name: str = "people.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return written(tmp_path, PEOPLE)


def outcomes(ended: Ended) -> list[str]:
    return [each["outcome"] for each in ended.json["accounts"]]


async def test_accounts_are_created_once_and_found_by_the_next_run(
    scim: Scim, people: Path
) -> None:
    ended = await adopted(scim, people, "--apply", "--json")
    assert (ended.status, ended.err) == (0, "")
    assert outcomes(ended) == ["created"] * 3
    users = {user["userName"]: user for user in await scim.everything()}
    assert [each["id"] for each in ended.json["accounts"]] == [
        users[name]["id"] for name in ("ana@contoso.test", "bo@contoso.test", "cy@contoso.test")
    ]
    ana = users["ana@contoso.test"]
    assert (ana["externalId"], ana["active"], ana["displayName"]) == ("7", True, "Ana Ruiz")
    assert ana[ENTERPRISE] == {"department": "Sales"}
    assert users["bo@contoso.test"]["active"] is False
    assert "externalId" not in users["cy@contoso.test"]

    async with scim.unchanged():
        again = await adopted(scim, people, "--apply", "--json")
    assert (again.status, outcomes(again)) == (0, ["already there"] * 3)
    assert not any(each["differences"] for each in again.json["accounts"])


async def test_an_inactive_account_is_inactive_from_its_first_moment(
    service: RecordingService, people: Path
) -> None:
    assert (await adopt(service.url, TOKEN, people, "--apply")).status == 0
    posted = [each.body for each in service.sent("POST")]
    assert {body["userName"]: body["active"] for body in posted}["bo@contoso.test"] is False
    assert not service.sent("PATCH")


async def test_nothing_is_written_unless_it_is_asked_for(scim: Scim, people: Path) -> None:
    async with scim.unchanged():
        ended = await adopted(scim, people)
    assert ended.status == 0
    assert "to be created" in ended.out
    assert "Nothing was written. To write it, run the same command with --apply." in ended.out
    assert scim.token not in ended.out + ended.err


async def test_what_is_there_is_left_alone_and_its_differences_are_named(
    scim: Scim, people: Path
) -> None:
    await scim.create_user("ANA@contoso.test", displayName="Ana R.", active=False)
    async with scim.unchanged():
        ended = await adopted(scim, people, "--json")
    ana = ended.json["accounts"][0]
    assert ana["outcome"] == "already there"
    assert ana["differences"] == ["id", "displayName", "email", "department", "active"]
    assert ended.status == 0
    table = await adopted(scim, people)
    assert "line 2, 'ana@contoso.test': id, displayName, email, department, active" in table.out


async def test_a_missing_external_id_is_filled_in_when_asked_for(scim: Scim, people: Path) -> None:
    ana = await scim.create_user("ana@contoso.test", displayName="Ana R.")
    await scim.create_user("bo@contoso.test", externalId="of another system")
    dry = await adopted(scim, people, "--fill-external-id", "--json")
    assert outcomes(dry) == ["externalId to be filled in", "already there", "to be created"]
    done = await adopted(scim, people, "--fill-external-id", "--apply", "--json")
    assert outcomes(done) == ["externalId filled in", "already there", "created"]
    after = await scim.user(ana["id"])
    assert (after["externalId"], after["displayName"]) == ("7", "Ana R.")
    (bo,) = (await scim.find("/Users", 'userName eq "bo@contoso.test"'))["Resources"]
    assert bo["externalId"] == "of another system"


async def test_an_account_whose_mail_or_id_belongs_to_another_is_not_doubled(
    scim: Scim, people: Path
) -> None:
    old = await scim.create_user("ana.ruiz", externalId="7")
    team = await scim.create_user("team", emails=[{"type": "home", "value": "BO@contoso.test"}])
    ended = await adopted(scim, people, "--apply", "--json")
    assert (ended.status, outcomes(ended)) == (1, ["skipped", "skipped", "created"])
    reasons = [each["reason"] for each in ended.json["accounts"]]
    other = "belongs to another account of the service:"
    assert reasons[0] == f"id {other} 'ana.ruiz' ({old['id']})"
    assert reasons[1] == f"email {other} 'team' ({team['id']})"

    by_name = await adopted(scim, people, "--apply", "--json", "--match", "userName")
    assert outcomes(by_name) == ["created", "created", "already there"]


async def test_an_external_id_of_another_is_not_filled_in(scim: Scim, people: Path) -> None:
    await scim.create_user("ana@contoso.test")
    await scim.create_user("former", externalId="7")
    async with scim.unchanged():
        ended = await adopted(scim, people, "--fill-external-id", "--json")
    assert (ended.status, outcomes(ended)[0]) == (1, "skipped")


LINES = [
    '{"userName": "ana@contoso.test", "id": "7", "active": false}',
    "",
    '{"userName": "bo@contoso.test"',
    '["cy"]',
    '{"displayName": "nobody"}',
    '{"userName": 5}',
    '{"userName": "di", "active": "perhaps"}',
    '{"userName": "di", "shoeSize": "44"}',
    "[" * 100_000,
    '{"userName": "ANA@contoso.test"}',
    '{"userName": "ed", "id": "7"}',
    '{"userName": "fy", "email": "team@contoso.test", "groups": ["Sales"], "manager": "ana"}',
    '{"userName": "gil", "email": "Team@contoso.test"}',
]


async def test_a_line_that_cannot_be_used_stops_no_other(scim: Scim, tmp_path: Path) -> None:
    file = written(tmp_path, "\n".join(LINES), "people.ndjson")
    ended = await adopted(scim, file, "--apply", "--json")
    assert ended.status == 1
    told = {each["line"]: each for each in ended.json["accounts"]}
    assert {line for line, each in told.items() if each["outcome"] == "created"} == {1, 12}
    reasons = {line: each["reason"] for line, each in told.items() if each["reason"]}
    assert reasons.pop(3).startswith("not JSON: Expecting ',' delimiter")
    assert reasons.pop(8).startswith("unknown column 'shoeSize'; known are ")
    assert reasons == {
        4: "expected an object",
        5: "userName is missing",
        6: "userName: expected text, found 5",
        7: "active: expected true or false, found 'perhaps'",
        9: "nested too deeply",
        10: "userName 'ANA@contoso.test' stands in line 1 already",
        11: "externalId '7' stands in line 1 already",
        13: "emails[type eq \"work\"].value 'Team@contoso.test' stands in line 12 already",
    }
    (ana,) = (await scim.find("/Users", 'userName eq "ana@contoso.test"'))["Resources"]
    assert ana["active"] is False


async def test_the_report_lists_so_many_lines(scim: Scim, tmp_path: Path) -> None:
    file = written(tmp_path, "\n".join(LINES), "people.jsonl")
    ended = await adopted(scim, file, "--show", "2")
    assert "line 3: not JSON" in ended.out
    assert "line 4: expected an object" in ended.out
    assert "line 5" not in ended.out
    assert "and 8 more (--show, or --json for all)" in ended.out


async def test_a_spreadsheet_may_separate_by_semicolons(scim: Scim, tmp_path: Path) -> None:
    lines = ["userName;displayName;email", "ana;Ruiz, Ana;ana@x.test", "bo;Bo;b@x.test,c@x.test"]
    lines += ['cy;Cy;"c@x.test;d@x.test"']
    ended = await adopted(scim, written(tmp_path, "\ufeff" + "\r\n".join(lines)), "--json")
    assert outcomes(ended)[0] == "to be created"
    assert ended.json["accounts"][2]["reason"] == "email: expected one address, found a semicolon"


async def test_a_row_with_too_many_cells_is_skipped(scim: Scim, tmp_path: Path) -> None:
    file = written(tmp_path, "userName,title\nana,Lead,too\nbo\n")
    ended = await adopted(scim, file, "--json")
    assert outcomes(ended) == ["skipped", "to be created"]
    assert ended.json["accounts"][0]["reason"] == "more cells than the header has columns"


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("people.xlsx", "", "expected a file that ends in .csv, .ndjson or .jsonl"),
        ("people.csv", "name\nana\n", "row 1: unknown column 'name'"),
        ("people.csv", "id\n7\n", "row 1: the column userName is missing"),
        ("people.csv", 'userName\nbo\n"ana\n', "row 3: unexpected end of data"),
    ],
)
async def test_a_file_that_cannot_be_read_is_one_line_and_status_2(
    service: RecordingService, tmp_path: Path, name: str, content: str, line: str
) -> None:
    file = written(tmp_path, content, name)
    ended = await adopt(service.url, TOKEN, file, "--apply")
    assert (ended.status, ended.out, service.requests) == (2, "", [])
    assert ended.err.startswith(f"error: {file}: {line}")
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("content", [b"userName\n\xff\n", None])
async def test_a_file_that_is_no_text_or_not_there(
    service: RecordingService, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "people.csv"
    if content is not None:
        file.write_bytes(content)
    ended = await adopt(service.url, TOKEN, file)
    assert ended.status == 2
    said = "No such file or directory" if content is None else "not UTF-8 at byte 9"
    assert ended.err == f"error: {file}: {said}\n"


async def test_a_wrong_token_is_one_line_and_status_2(scim: Scim, people: Path) -> None:
    ended = await adopt(scim.tenant_url, TOKEN, people, "--apply")
    assert (ended.status, ended.out) == (2, "")
    assert f"error: {scim.tenant_url}: test connection failed: HTTP 401" in ended.err
    assert TOKEN not in ended.err


async def test_a_url_that_is_none_is_status_2(people: Path) -> None:
    assert (await adopt("contoso", TOKEN, people)).status == 2


async def test_what_the_service_refuses_is_reported_and_stops_no_other(
    service: RecordingService, people: Path
) -> None:
    service.tell("POST", refusal(500, "no room today"), refusal(409, "taken", "uniqueness"))
    ended = await adopt(service.url, TOKEN, people, "--apply", "--concurrency", "1", "--json")
    assert (ended.status, outcomes(ended)) == (1, ["failed", "skipped", "created"])
    failed, skipped, _ = ended.json["accounts"]
    assert failed["reason"] == "create user failed: HTTP 500: no room today"
    assert skipped["reason"].startswith("the service has one like it: HTTP 409: uniqueness: taken")
    again = await adopt(service.url, TOKEN, people, "--apply", "--json")
    assert (again.status, outcomes(again)) == (0, ["created", "created", "already there"])


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_service_is_asked_again_when_it_says(
    service: RecordingService, people: Path, status: int
) -> None:
    service.tell("POST", *(refusal(status, "busy", Retry_After="0") for _ in range(3)))
    ended = await adopt(service.url, TOKEN, people, "--apply", "--json")
    assert (ended.status, outcomes(ended)) == (0, ["created"] * 3)
    assert len(service.sent("POST")) == 6


async def test_several_of_one_name_are_left_to_the_operator(
    service: RecordingService, people: Path
) -> None:
    two: dict[str, Any] = {"totalResults": 2, "Resources": [{"id": "1"}, {"id": "2"}]}
    service.tell("GET /Users?filter=userName+eq+%22ana", answer(200, two))
    ended = await adopt(service.url, TOKEN, people, "--apply", "--json")
    assert outcomes(ended) == ["skipped", "created", "created"]
    assert "belongs to 2 accounts" in json.dumps(ended.json["accounts"][0])


async def test_there_are_no_more_requests_at_once_than_asked_for(
    service: RecordingService, tmp_path: Path
) -> None:
    file = written(tmp_path, "userName\n" + "\n".join(f"u{n}" for n in range(30)))
    assert (await adopt(service.url, TOKEN, file, "--apply", "--concurrency", "3")).status == 0
    assert len(service.peers) <= 3
