"""The demonstration starts a service, reads where it answers, and always stops it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools import demo
from tools.demo import StartError, running

READY = "print('Tenant URL: http://127.0.0.1:1/scim/v2', flush=True)"
SERVE = "import signal; signal.sigwait({signal.SIGTERM}); print('bye')"
BLOCK = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})"


def child(*lines: str) -> list[str]:
    """Return the command of a service that runs these lines."""
    return [sys.executable, "-c", "\n".join(lines)]


async def test_the_tenant_url_is_read_and_the_service_is_stopped() -> None:
    async with running(child(BLOCK, "print('hello')", READY, SERVE), "t") as service:
        assert service.tenant_url == "http://127.0.0.1:1/scim/v2"
        assert service.process.returncode is None
    assert service.process.returncode == 0


async def test_the_service_gets_its_token_and_keeps_nothing() -> None:
    report = (
        "import os; print('Tenant URL:', os.environ['EPHEMERAL'], os.environ['SCIM_SECRET_TOKEN'])"
    )
    async with running(
        child(BLOCK, report + "\nimport sys; sys.stdout.flush()", SERVE), "t0"
    ) as service:
        assert service.tenant_url == "1 t0"


async def test_a_talkative_service_is_never_held_up() -> None:
    chatter = "for _ in range(20000): print('x' * 100)"
    async with running(child(BLOCK, READY, chatter, SERVE), "t") as service:
        pass
    assert service.process.returncode == 0


async def test_a_service_that_ends_at_once_is_reported_with_its_last_words() -> None:
    with pytest.raises(StartError) as caught:
        async with running(child("raise SystemExit('error: port 7071 is busy')"), "t"):
            pytest.fail("it never answered")
    assert str(caught.value) == "the service did not start: it ended\n  error: port 7071 is busy"


async def test_a_silent_service_is_given_up_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "START_SECONDS", 0.0)
    with pytest.raises(StartError, match="it said nothing for 0 s"):
        async with running(child(BLOCK, SERVE), "t"):
            pytest.fail("it never answered")


async def test_a_service_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "STOP_SECONDS", 0.0)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    async with running(child(deaf, READY, "signal.pause()"), "t") as service:
        os.kill(service.process.pid, 0)
    assert service.process.returncode == -9


async def test_a_fault_in_the_demonstration_stops_the_service_too() -> None:
    with pytest.raises(ZeroDivisionError):
        async with running(child(BLOCK, READY, SERVE), "t") as service:
            raise ZeroDivisionError
    assert service.process.returncode is not None


FAKE = """
import asyncio, os
from tests.support.fakes.recording_service import serving

async def serve():
    async with serving() as service:
        print("            TABLE_CONNECTION_STRING='where'")
        print(f"Tenant URL: {service.url}", flush=True)
        await asyncio.Event().wait()

asyncio.run(serve())
"""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Demonstrate a service that keeps what is created and applies no PATCH."""
    monkeypatch.setattr(demo, "COMMAND", child(FAKE))


def test_a_service_that_holds_what_the_source_says_is_status_0(fake: None) -> None:
    ended = CliRunner().invoke(demo.app, ["--users", "0", "--groups", "0"])
    assert ended.exit_code == 0, ended.output
    assert "Tenant URL: http://127.0.0.1:" in ended.output
    assert "the service holds exactly what the source says" in ended.output


@pytest.mark.parametrize("dialect", ["legacy", "flag"])
def test_any_difference_is_status_1(fake: None, dialect: str) -> None:
    options = ["--users", "3", "--groups", "1", "--seed", "4", "--dialect", dialect]
    ended = CliRunner().invoke(demo.app, options)
    assert ended.exit_code == 1
    assert "differences between service and source:" in ended.output
    assert "group All staff, members: expected u" in ended.output


def test_a_service_that_does_not_start_is_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "COMMAND", child("raise SystemExit('error: node is missing')"))
    ended = CliRunner().invoke(demo.app, [])
    assert ended.exit_code == 2
    assert "the service did not start" in ended.output
    assert "error: node is missing" in ended.output


def test_a_service_that_does_not_speak_scim_is_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = FAKE.replace("{service.url}", "{service.url}/elsewhere")
    monkeypatch.setattr(demo, "COMMAND", child(elsewhere))
    ended = CliRunner().invoke(demo.app, ["--users", "1"])
    assert ended.exit_code == 2
    assert "error: test connection failed: HTTP 404: no such resource" in ended.output


async def test_a_kept_service_stays_until_a_signal_and_its_token_is_for_the_user_alone(
    tmp_path: Path,
) -> None:
    lines = [
        "import sys",
        "from pathlib import Path",
        "from tools import demo",
        f"demo.COMMAND = (sys.executable, '-c', {FAKE!r})",
        f"demo.TOKEN_FILE = Path({str(tmp_path)!r}, 'data', 'token')",
        "demo.app(['--users', '0', '--groups', '0', '--keep'])",
    ]
    process = await asyncio.create_subprocess_exec(
        *child(*lines), cwd=demo.ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = await process.stdout.readuntil(b"its token: cat ")
    file = tmp_path / "data" / "token"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes() not in said
    said = await process.stdout.readuntil(b"for tools.admin: TABLE_CONNECTION_STRING='where'")
    process.terminate()
    await process.communicate()
    assert process.returncode == 130
    assert not file.exists()
