"""`python -m tools.provision` as an operator meets it: options, output, exit status."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.support.fakes.recording_service import RecordingService, refusal
from tools.provision.__main__ import app
from tools.provision.tenant_url import UsageError, checked_token, split_tenant_url
from tools.provision.wire import Dialect

ROOT = Path(__file__).parents[3]
TOKEN = "a-token-that-nobody-must-see"
CSV = "id,userName,displayName,groups\n1,ana,Ana,Sales\n2,bo,Bo,Sales\n"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int | None
    out: str
    err: str


async def provision(*options: str, **environ: str) -> Ended:
    """Run the command as an operator does, with the token in the environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tools.provision",
        *options,
        cwd=ROOT,
        env={**os.environ, "SCIM_TOKEN": TOKEN, "COLUMNS": "80", "NO_COLOR": "1", **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
def people(tmp_path: Path) -> str:
    """A directory file of two users in one group."""
    file = tmp_path / "people.csv"
    file.write_text(CSV)
    return str(file)


async def test_a_directory_file_is_provisioned_and_a_table_closes(
    service: RecordingService, people: str
) -> None:
    ended = await provision("--url", service.url, "--directory", people)
    assert ended.status == 0, ended.err
    assert [user["userName"] for user in service.users.values()] == ["ana", "bo"]
    rows = [line.strip() for line in ended.out.splitlines()]
    for operation in ("create user", "match user", "create group", "add members", "all"):
        assert any(row.startswith(f"{operation}  ") for row in rows), operation
    assert "users" in ended.err
    assert {each.headers["Authorization"] for each in service.requests} == {f"Bearer {TOKEN}"}


async def test_the_next_run_with_the_same_state_is_incremental(
    service: RecordingService, people: str, tmp_path: Path
) -> None:
    state = tmp_path / "s.json"
    options = ("--url", service.url, "--state", str(state), "--directory")
    assert (await provision(*options, people)).status == 0
    later = tmp_path / "later.csv"
    later.write_text(CSV.replace("Bo,Sales", "Robert,"))
    service.requests.clear()
    assert (await provision(*options, str(later))).status == 0
    writes = [(each.method, each.target[-9:]) for each in service.requests if each.method != "GET"]
    assert writes == [("PATCH", "/Users/u2"), ("PATCH", "Groups/g1")]
    assert TOKEN not in state.read_text()


async def test_the_state_is_kept_when_the_service_goes_away_in_the_middle(
    service: RecordingService, people: str, tmp_path: Path
) -> None:
    state = tmp_path / "s.json"
    service.tell("POST /Groups", refusal(500, "no groups today"))
    ended = await provision("--url", service.url, "--directory", people, "--state", str(state))
    assert ended.status == 1
    assert "create group Sales: HTTP 500: no groups today" in ended.out
    assert set(json.loads(state.read_text())["users"]) == {"1", "2"}


async def test_a_difference_is_shown_and_is_status_1(
    service: RecordingService, people: str
) -> None:
    ended = await provision("--url", service.url, "--directory", people, "--verify", "--show", "1")
    assert ended.status == 1
    # The recording service applies no PATCH, so that nobody became a member.
    assert "4 differences between service and source:" in ended.out
    assert "group Sales, members: expected u1, found absent" in ended.out
    assert "and 3 more" in ended.out


async def test_json_is_for_machines_and_nothing_else_is_printed(
    service: RecordingService, people: str
) -> None:
    options = ("--url", service.url, "--directory", people, "--verify", "--json")
    ended = await provision(*options)
    assert (ended.status, ended.err) == (1, "")
    report: dict[str, Any] = json.loads(ended.out)
    assert report["ok"] is False
    assert report["failures"] == []
    assert {"subject", "what", "expected", "found"} == set(report["differences"][0])
    assert report["rows"][-1]["operation"] == "all"


async def test_the_flag_in_the_tenant_url_chooses_the_dialect_and_is_not_sent_on(
    service: RecordingService, people: str
) -> None:
    url = f"{service.url}/?aadOptscim062020"
    assert (await provision("--url", url, "--directory", people)).status == 0
    assert service.sent("PATCH")[0].operations[0]["op"] == "add"
    assert service.requests[0].target.startswith("/scim/v2/Users?filter=")


async def test_a_generated_directory_evolves(service: RecordingService) -> None:
    options = ("--users", "5", "--groups", "2", "--increments", "1", "--url", service.url)
    ended = await provision(*options, "--json")
    assert ended.status == 0
    done = {row["operation"] for row in json.loads(ended.out)["rows"]}
    assert {"create user", "disable user", "delete user"} <= done


@pytest.mark.parametrize("answer", ["refused", "no service"])
async def test_a_failed_connection_is_one_line_and_status_2(
    service: RecordingService, people: str, answer: str
) -> None:
    service.tell("GET", refusal(401, "wrong token"))
    url = service.url if answer == "refused" else "http://127.0.0.1:1/scim/v2"
    ended = await provision("--url", url, "--directory", people, "--retries", "0")
    assert (ended.status, ended.out) == (2, "")
    reason = "HTTP 401: wrong token" if answer == "refused" else "nobody answers there ("
    assert f"error: {url}: test connection failed: {reason}" in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert TOKEN not in ended.err


async def test_a_server_that_is_not_there_is_told_within_seconds(people: str) -> None:
    async with asyncio.timeout(10):  # most of it is the start of Python
        ended = await provision("--url", "http://127.0.0.1:1/scim/v2", "--directory", people)
    assert (ended.status, ended.out) == (2, "")
    assert "nobody answers there" in ended.err


async def test_a_server_that_comes_back_is_waited_for_aloud(
    service: RecordingService, people: str
) -> None:
    service.tell("GET", refusal(503, "starting", Retry_After="0"))
    ended = await provision("--url", service.url, "--directory", people, "--json")
    assert ended.status == 0
    assert json.loads(ended.out)["ok"]
    assert ended.err == "test connection failed: HTTP 503: starting; trying again in 0 s\n"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--url", "x"], "--url 'x': expected something like https://host/scim/v2"),
        (["--url", "https://x", "--directory", "none.csv"], "none.csv: No such file or directory"),
        (["--url", "https://x", "--token", "a b"], "--token: expected printable ASCII"),
        (
            ["--url", "https://x", "--directory", "people.csv", "--increments", "1"],
            "--increments goes with a generated directory",
        ),
        (["--url", "https://x", "--state", "."], ".: Is a directory"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(options: list[str], line: str) -> None:
    ended = CliRunner().invoke(app, options, env={"SCIM_TOKEN": TOKEN})
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"error: {line}")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["--url", "--token"])
def test_url_and_token_are_required(option: str) -> None:
    given = ["--url", "https://x", "--token", "t"]
    at = given.index(option)
    environ = {"SCIM_URL": None, "SCIM_TOKEN": None}
    ended = CliRunner().invoke(app, given[:at] + given[at + 2 :], env=environ)
    assert ended.exit_code == 2
    assert "Missing option" in ended.stderr


@pytest.mark.parametrize(
    ("url", "base", "dialect"),
    [
        ("https://h.example/scim/v2", "https://h.example/scim/v2", Dialect.LEGACY),
        ("https://h.example/scim/v2/", "https://h.example/scim/v2", Dialect.LEGACY),
        ("http://h:81/s?aadOptscim062020", "http://h:81/s", Dialect.FLAG),
        ("https://h.example/s/?x=1&AADOPTSCIM062020#z", "https://h.example/s", Dialect.FLAG),
    ],
)
def test_a_tenant_url_is_a_base_and_a_dialect(url: str, base: str, dialect: Dialect) -> None:
    assert split_tenant_url(url) == (base, dialect)


@pytest.mark.parametrize(
    "url",
    [
        *("", "h/scim", "ftp://h", "https://", "https://h:x/", "http://[::/"),
        *("https://xn--/", "https://h/\0", "https://h/" + "x" * 70_000),
    ],
)
def test_what_is_no_tenant_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="expected something like"):
        split_tenant_url(url)


def test_a_password_in_the_url_is_refused_without_showing_it() -> None:
    with pytest.raises(UsageError) as caught:
        split_tenant_url("https://me:secret@h.example/scim")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["", " ", "a\nb", "naïve"])
def test_a_token_that_no_header_carries_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_token(token)
    assert str(caught.value) == "--token: expected printable ASCII without spaces"
