"""`python -m tests.spec.suites`: suites that others wrote, against the running service.

scim2-tester and scim-sanity run in environments of their own (`make conformance` makes them), so
that what they need and what the service needs do not meet; then come the tests that hold the
service against scim2-server, a package of the tests. Exit status: 0 when every suite failed exactly
where `allowed.py` says and every difference is listed, 1 when not, 2 when one did not run.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from local import service as local_service
from local.errors import LocalError
from tests.spec.suites.allowed import ALLOWED
from tests.spec.suites.reports import (
    Finding,
    Report,
    SuiteError,
    read_scim2_tester,
    read_scim_sanity,
)
from tests.support.dependency_groups import requirements

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.service import Service

ROOT: Final = Path(__file__).parents[3]
SECONDS: Final = 120.0
"""What one suite may take; each takes a few seconds."""

TENANTS: Final = ("suite-1", "suite-2")
"""One for each suite: none counts what another has left behind."""


class Suite(NamedTuple):
    """A suite: its name, how it is called and read.

    The call is given the URL and the token of a tenant, and gives a command and what is added to
    its environment: a token does not stand in a command line that can do without.
    """

    name: str
    call: Callable[[str, str], tuple[list[str], dict[str, str]]]
    read: Callable[[str], tuple[Finding, ...]]


def program(suite: str, name: str) -> str:
    """Return the path of a program in the environment of a suite."""
    return str(ROOT / f".venv-{suite}" / "bin" / name)


def pinned(suite: str) -> str:
    """Return the version that the environment of a suite is made with."""
    pins = dict(line.split("==") for line in requirements(suite))
    return next(pin for name, pin in pins.items() if name.partition("[")[0] == suite)


SUITES: Final = (
    Suite(
        "scim2-tester",
        lambda url, token: (
            [program("scim2-tester", "scim2"), "--url", url, "test"],
            {"SCIM_CLI_HEADERS": f"Authorization: Bearer {token}"},
        ),
        read_scim2_tester,
    ),
    Suite(
        "scim-sanity",
        lambda url, token: (
            [
                program("scim-sanity", "scim-sanity"),
                *("probe", url, "--token", token, "--json-output", "--i-accept-side-effects"),
            ],
            {},
        ),
        read_scim_sanity,
    ),
)


async def run_oracle() -> int:
    """Run the comparison with scim2-server, print its tally, and return the exit status."""
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/spec/oracle"),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    tally = [line for line in output.splitlines() if line.startswith("scim2-server ")]
    print(*tally[-1:], f"({time.monotonic() - begun:.1f} s)", flush=True)
    if process.returncode or not tally:
        print(output)
        return 1
    return 0


async def run(suite: Suite, url: str, token: str) -> Report:
    """Run a suite against a tenant.

    Raises:
        SuiteError: It did not start, took too long, or said nothing that can be read.
    """
    command, environ = suite.call(url, token)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise SuiteError(f"{command[0]} is missing: make conformance installs it") from error
    try:
        output, said = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise SuiteError(f"it did not end within {SECONDS:g} s") from error
    try:
        findings = suite.read(output.decode())
    except SuiteError as error:
        raise SuiteError(f"{error}\n{said.decode(errors='replace')}".strip()) from error
    return Report(suite.name, findings, tuple(a for a in ALLOWED if a.suite == suite.name))


def show(report: Report, seconds: float) -> None:
    """Print the tally of a suite, then each of its failures."""
    print(f"{report.suite} {pinned(report.suite)}: {report.tally} ({seconds:.1f} s)", flush=True)
    for finding in report.failures:
        known = "not on the list" if finding in report.unknown else "allowed"
        print(f"  {finding.verdict}, {known}: {finding}")
    for finding in report.stale:
        print(f"  no longer fails, take it off the list: {finding}")


async def run_all(service: Service, tokens: dict[str, str]) -> int:
    """Run every suite, each against a tenant that holds nothing, and return the exit status."""
    status = 0
    for suite, (tenant, token) in zip(SUITES, tokens.items(), strict=True):
        begun = time.monotonic()
        try:
            report = await run(suite, f"{service.base_url}/tenants/{tenant}/scim/v2", token)
        except SuiteError as error:
            print(f"{suite.name}: error: {error}")
            status = 2
            continue
        show(report, time.monotonic() - begun)
        if not report.is_as_expected:
            status = max(status, 1)
    return status


async def main() -> int:
    """Start the service in memory, run everything, and return the exit status."""
    tokens = {tenant: os.urandom(32).hex() for tenant in TENANTS}
    environ = {
        f"SCIM_SECRET_TOKEN__{tenant.upper().replace('-', '_')}": token
        for tenant, token in tokens.items()
    }
    try:
        async with local_service.running(environ=environ) as service:
            status = await run_all(service, tokens)
    except LocalError as error:
        print(f"error: {error}")
        return 2
    return max(status, await run_oracle())


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
