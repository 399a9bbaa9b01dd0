"""How long a process of the app takes to start: `python -m benchmarks.start`.

Azure's worker library indexes the app in a fresh process and passes it Entra's first question, in
the settings of development (token from a setting) and of production (managed identity, Key Vault,
Table Storage by identity over TLS), all on loopback. Three states of the app are started: this
checkout, whose modules the first start compiles and keeps; the package that is deployed, from which
alone its process imports and into which nothing is written; and that package as a build in Azure
leaves it, with no module compiled for its Python. Rounds of all cases take turns; medians are
shown. A checkout of another state, named by `--root`, is measured beside these.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks import runtime_library
from infra import package_app
from local import azurite
from tests.support.fakes.azure import TABLES, VAULT, Identity, certificates, table_storage
from tests.support.fakes.key_vault import FakeKeyVault, serving

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "the-token-of-the-benchmark"  # noqa: S105 - of processes that end with this one
URL = "https://scim.example.com/scim/v2/Users?filter=userName+eq+%22ana@contoso.test%22"
PAUSE_SECONDS = 2.0
"""After which all is loaded that is loaded ahead of requests."""

IMPORTS = {
    "Python and asyncio": "import asyncio",
    "with azure-functions": "import asyncio, azure.functions",
    "with the routes": "import asyncio, azure.functions, function_app",
}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class App:
    """A state of the app.

    Attributes:
        name: as it is shown.
        folder: of the app.
        options: of Python.
        environ: what its process has beside the settings.
    """

    name: str
    folder: Path
    options: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """What is started, and where.

    Attributes:
        app: what is started.
        settings: name of the settings, as it is shown.
        environ: all variables of the process.
    """

    app: App
    settings: str
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Start:
    """One start; times in seconds since the process was started, pairs of elapsed and CPU.

    Attributes:
        indexed: when every function was.
        answered: when the first request was answered that came at once.
        waited: how long the first request took that came when all was loaded.
    """

    indexed: tuple[float, float]
    answered: tuple[float, float]
    waited: float


@app.command()
def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each case is started.")] = 15,
    root: Annotated[
        list[Path] | None, typer.Option(help="Another checkout; may be given again.")
    ] = None,
) -> None:
    """Start the app in fresh processes and show when it is indexed and when it answers."""
    runtime_library.require()
    with TemporaryDirectory() as temporary:
        apps = [App("this checkout", ROOT), *_packages(Path(temporary))]
        apps += [App(str(path), path.resolve()) for path in root or ()]
        asyncio.run(_measure(rounds, apps))


def _packages(folder: Path) -> list[App]:
    """Make the package, and beside it the same without what was compiled."""
    whole, uncompiled = folder / "package", folder / "uncompiled"
    print(f"The package: {package_app.pack(ROOT, whole)}.")
    shutil.copytree(whole, uncompiled, ignore=shutil.ignore_patterns("__pycache__"))
    library = runtime_library.alone(folder)
    return [
        _read_only("the package", whole, library),
        _read_only("the same, not compiled", uncompiled, library),
    ]


def _read_only(name: str, folder: Path, library: Path) -> App:
    """Return an app whose process imports from its folder alone, and writes nothing there."""
    paths = os.pathsep.join([str(folder / package_app.SITE_PACKAGES), str(library)])
    environ = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    return App(name, folder, ("-S",), environ)


async def _measure(rounds: int, apps: list[App]) -> None:
    async with AsyncExitStack() as stack:
        environments = {
            "development": await _development(stack),
            "production": await _production(stack),
        }
        cases = [
            Case(each, name, environ) for each in apps for name, environ in environments.items()
        ]
        starts: list[list[Start]] = [[] for _ in cases]
        imported: dict[str, list[float]] = {name: [] for name in IMPORTS}
        for turn in range(rounds + 1):
            for name, code in IMPORTS.items():
                imported[name].append(await _imported(code))
            for case, of_case in zip(cases, starts, strict=True):
                start = await _start(case)
                if turn:  # the first one finds no compiled modules, and fills the disk's cache
                    of_case.append(start)
    print(table(cases, starts), end="\n\n")
    print(f"CPU of imports alone, ms: {sums(imported)}.")


async def _development(stack: AsyncExitStack) -> dict[str, str]:
    storage = await stack.enter_async_context(azurite.running())
    return {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "TABLE_CONNECTION_STRING": storage.connection_string,
        "SCIM_SECRET_TOKEN": TOKEN,
    }


async def _production(stack: AsyncExitStack) -> dict[str, str]:
    folder = Path(stack.enter_context(TemporaryDirectory()))
    tls = certificates(folder)
    vault, identity = FakeKeyVault(url=f"https://{VAULT}"), Identity()
    vault.put("scim-token", TOKEN)
    vault_url = await stack.enter_async_context(serving(vault.answer, tls))
    identity_url = await stack.enter_async_context(serving(identity.answer))
    table_port = await stack.enter_async_context(table_storage(folder))
    ports = {VAULT: int(vault_url.rpartition(":")[2]), TABLES: table_port}
    return {
        "KEY_VAULT_URL": vault.url,
        "TABLE_ENDPOINT": f"https://{TABLES}/devstoreaccount1",
        "AZURE_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
        "PORTS_OF_NAMES": json.dumps(ports),
        "IDENTITY_ENDPOINT": f"{identity_url}/msi/token",
        "IDENTITY_HEADER": identity.header,
        "SSL_CERT_FILE": str(folder / "authority.pem"),
    }


async def _start(case: Case) -> Start:
    """Start the app twice: asked at once, and asked when all is loaded."""
    at_once = await _started(case, 0)
    later = await _started(case, PAUSE_SECONDS)
    return Start(at_once["indexed"], at_once["answered"], later["waited"])


async def _started(case: Case, pause: float) -> Any:
    environ = {"PATH": os.environ["PATH"], "TOKEN_OF_THE_BENCHMARK": TOKEN}
    environ |= {**case.environ, **case.app.environ}
    options = [*case.app.options, "-m", "benchmarks.started", str(case.app.folder)]
    program = [sys.executable, *options]
    process = await asyncio.create_subprocess_exec(
        *program, str(time.time()), str(pause), URL, cwd=ROOT, env=environ, stdout=PIPE
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise SystemExit(f"{case.app.name} did not start in the settings of {case.settings}")
    return json.loads(told)


async def _imported(code: str) -> float:
    """Return the seconds of CPU of a process that does nothing but import."""
    told = f"{code}, time; print(time.process_time())"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", told, cwd=ROOT, stdout=PIPE
    )
    return float((await process.communicate())[0])


def sums(imported: Mapping[str, Sequence[float]]) -> str:
    """Write the median of each import, which holds those before it."""
    return ", ".join(f"{name} {median(each) * 1000:.0f}" for name, each in imported.items())


def table(cases: Sequence[Case], starts: Sequence[Sequence[Start]]) -> str:
    """Write a row for each case, in Markdown: medians in milliseconds, CPU in brackets."""
    lines = [
        "| app | settings | indexed | first answer | first request, when all is loaded |",
        "|---|---|---:|---:|---:|",
    ]
    for case, of_case in zip(cases, starts, strict=True):
        indexed = _pair([each.indexed for each in of_case])
        answered = _pair([each.answered for each in of_case])
        waited = median(each.waited for each in of_case)
        lines.append(
            f"| {case.app.name} | {case.settings} | {indexed} | {answered} | {waited * 1000:.0f} |"
        )
    return "\n".join(lines)


def _pair(times: list[tuple[float, float]]) -> str:
    elapsed, cpu = (median(each) * 1000 for each in zip(*times, strict=True))
    return f"{elapsed:.0f} ({cpu:.0f})"


if __name__ == "__main__":
    app()
