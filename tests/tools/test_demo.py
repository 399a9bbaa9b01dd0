"""The demonstration starts a service, reads where it answers, and always stops it."""

import os
import sys

import pytest

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
