"""`python -m local`: what it starts, what it prints, and that nothing is left when it ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from azure.storage.queue.aio import QueueClient

from local import azurite, ports, run, run_record, service
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "a-token-that-the-environment-gives"

RECORDER = """#!{python}
import http.server, json, os, pathlib, signal, subprocess, sys, threading
port = int(sys.argv[sys.argv.index("--port") + 1])
told = dict(argv=sys.argv[1:], cwd=os.getcwd(), pid=os.getpid(), environ=dict(os.environ))
for line in range(90):
    print("[2026-11-29T08:00:00.000Z] Initializing", line, flush=True)

def work():
    while True:
        worker = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        with open("workers", "a") as file:
            print(worker.pid, file=file)
        current[:] = [worker]
        if worker.wait() == -signal.SIGKILL:
            return

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("Executing 'Functions.healthz'\\nHandled\\nExecuted 'Functions.healthz'", flush=True)
        starting = not pathlib.Path("started").exists()
        pathlib.Path("started").touch()
        self.send_response(503 if starting else {status} if self.path == "/healthz" else 401)
        self.end_headers()
        if self.path == "/exit":
            os._exit(7)
    def log_message(self, *of): pass

def stop(*of):
    with open("stopped", "a") as file:
        print(len(pathlib.Path("workers").read_text().split()), file=file)
    current[0].kill()
    os._exit(0)

current = []
signal.signal(signal.SIGTERM, lambda *of: pathlib.Path("terminated").touch())
signal.signal(signal.SIGINT, {stop})
threading.Thread(target=work, daemon=True).start()
while not current:
    pass
pathlib.Path("func.json").write_text(json.dumps(told))
http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""
"""Stands for Core Tools: records how it was started, and has a worker, as they have.

It ignores SIGTERM, starts its worker again when that is ended, ends both on SIGINT, prints as much
as they do, and exits on GET /exit.
"""


def settings(**of: str) -> dict[str, str]:
    """The environment of this process without what a run listens to, and with what is given."""
    heard = {"PORT", "EPHEMERAL", "SCIM_SECRET_TOKEN", "SCIM_SCHEMAS", "TABLE_CONNECTION_STRING"}
    return {name: value for name, value in os.environ.items() if name not in heard} | of


@asynccontextmanager
async def started(
    project: Path, *arguments: str, environ: dict[str, str] | None = None
) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "local", "--root", str(project), "--app", "sample_app"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *arguments,
        cwd=ROOT,
        env=environ or settings(EPHEMERAL="1"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def output(process: Process) -> str:
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
        return said.decode()


async def until_it_serves(process: Process) -> tuple[str, list[str]]:
    """The Tenant URL and every line up to the last one that a run prints when it serves."""
    lines: list[str] = []
    async with asyncio.timeout(60):
        while process.stdout and (line := (await process.stdout.readline()).decode()):
            lines.append(line.strip())
            if line.startswith("Ctrl-C"):
                break
    found = re.search(
        r"^Tenant URL: (http://127\.0\.0\.1:\d+/scim/v2)$", "\n".join(lines), re.MULTILINE
    )
    assert found, lines
    return found[1], lines


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


def children(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children(child)]
    return found


async def first_children(process: Process) -> list[int]:
    """Its children as soon as it has any."""
    for _ in range(3000):
        if found := children(process.pid):
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("it started no process")


def workers(project: Path) -> list[int]:
    """The workers that the recorder has started."""
    return [int(pid) for pid in (project / "workers").read_text().split()]


async def gone(pids: list[int]) -> bool:
    """Whether the processes end, given a little time after the one that started them."""
    for _ in range(200):
        if not any(alive(pid) for pid in pids):
            return True
        await asyncio.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def install(folder: Path, status: int = 200, stop: str = "stop") -> Path:
    """Put a recorder named func into a folder."""
    func = folder / "func"
    func.write_text(RECORDER.format(python=sys.executable, status=status, stop=stop))
    func.chmod(0o755)
    return folder


def with_core_tools(folder: Path, **of: str) -> dict[str, str]:
    return settings(EPHEMERAL="1", PATH=f"{folder}:{os.environ['PATH']}", **of)


@pytest.fixture
def core_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recorder named func."""
    return install(tmp_path_factory.mktemp("bin"))


async def test_it_prints_the_tenant_url_and_how_to_see_the_token_but_not_the_token(
    project: Path,
) -> None:
    async with started(project, "--stand-in") as process:
        url, lines = await until_it_serves(process)
        assert "Host:       local/ stands in for `func start`" in lines
        assert "Token:      make token" in lines
        token = json.loads((project / "local.settings.json").read_text())["Values"][
            "SCIM_SECRET_TOKEN"
        ]
        assert token not in "\n".join(lines)
        assert await get(f"{url}/environ/SCIM_SECRET_TOKEN") == (200, token)


async def test_the_functions_get_development_settings_and_the_environment_wins(
    project: Path,
) -> None:
    environ = settings(EPHEMERAL="1", SCIM_SECRET_TOKEN=TOKEN)
    async with started(project, "--stand-in", environ=environ) as process:
        url, lines = await until_it_serves(process)
        assert "Token:      the value of SCIM_SECRET_TOKEN" in lines
        assert await get(f"{url}/environ/SCIM_SECRET_TOKEN") == (200, TOKEN)
        assert await get(f"{url}/environ/FUNCTIONS_WORKER_RUNTIME") == (200, "python")
        assert await get(f"{url}/environ/AZURE_FUNCTIONS_ENVIRONMENT") == (200, "Development")
        _, storage = await get(f"{url}/environ/TABLE_CONNECTION_STRING")
        assert storage.startswith("DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;")
        assert await get(f"{url}/environ/AzureWebJobsStorage") == (200, storage)


@pytest.mark.parametrize("arguments", [["--stand-in"], []])
async def test_it_makes_the_queue_of_hints_whatever_runs_the_functions(
    project: Path, core_tools: Path, arguments: list[str]
) -> None:
    environ = with_core_tools(core_tools)
    async with started(project, *arguments, environ=environ) as process:
        url, _ = await until_it_serves(process)
        if arguments:
            _, connection = await get(f"{url}/environ/AzureWebJobsStorage")
        else:
            told = json.loads((project / "func.json").read_text())
            connection = told["environ"]["AzureWebJobsStorage"]
        async with QueueClient.from_connection_string(connection, "change-hints") as queue:
            assert (await queue.get_queue_properties()).approximate_message_count == 0


async def test_a_storage_elsewhere_is_left_as_it_is(project: Path) -> None:
    elsewhere = {"AzureWebJobsStorage__queueServiceUri": "https://contoso.queue.core.windows.net"}
    environ = settings(**elsewhere, PORT="0")
    async with started(project, "--stand-in", environ=environ) as process:
        url, _ = await until_it_serves(process)
        assert await get(f"{url}/environ/AzureWebJobsStorage") == (200, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
async def test_it_leaves_no_process_behind(project: Path, number: signal.Signals) -> None:
    async with started(project, "--stand-in") as process:
        await until_it_serves(process)
        started_by_it = children(process.pid)
        assert len(started_by_it) >= 2
        process.send_signal(number)
        await output(process)
        assert process.returncode == (0 if number != signal.SIGKILL else -signal.SIGKILL)
        assert await gone(started_by_it)


async def test_a_signal_while_it_starts_leaves_no_process_behind(project: Path) -> None:
    async with started(project, "--stand-in") as process:
        started_by_it = await first_children(process)
        process.terminate()
        await output(process)
        assert await gone(started_by_it)


async def test_on_a_leash_it_ends_with_its_standard_input(project: Path) -> None:
    async with started(project, "--stand-in", "--leash") as process:
        await until_it_serves(process)
        started_by_it = children(process.pid)
        assert process.stdin
        process.stdin.close()
        await output(process)
        assert process.returncode == 0
        assert await gone(started_by_it)


async def test_when_the_host_ends_by_itself_its_exit_code_is_passed_on(project: Path) -> None:
    async with started(project, "--stand-in") as process:
        url, _ = await until_it_serves(process)
        started_by_it = children(process.pid)
        with pytest.raises(aiohttp.ClientError):
            await get(f"{url}/exit/9")
        await output(process)
        assert process.returncode == 9
        assert await gone(started_by_it)


async def test_core_tools_are_used_when_they_are_on_the_path(
    project: Path, core_tools: Path
) -> None:
    async with started(project, environ=with_core_tools(core_tools)) as process:
        url, lines = await until_it_serves(process)
        assert not any("stands in" in line for line in lines)
        told = json.loads((project / "func.json").read_text())
        assert told["argv"] == ["start", "--port", url.split(":")[2].split("/")[0]]
        assert told["cwd"] == str(project)
        assert told["environ"]["AZURE_FUNCTIONS_ENVIRONMENT"] == "Development"
        assert told["environ"]["AzureWebJobsStorage"].startswith("DefaultEndpointsProtocol=http;")
        assert told["environ"]["VIRTUAL_ENV"] == sys.prefix
        assert told["environ"]["PATH"].startswith(str(Path(sys.executable).parent))
        assert "SCIM_SECRET_TOKEN" not in told["environ"]  # func reads local.settings.json itself
        process.terminate()
        await output(process)
        assert process.returncode == 0
        # It was asked before its worker was, or it would have started another one.
        assert (project / "stopped").read_text() == "1\n"
        assert not (project / "terminated").exists()
        assert await gone([told["pid"], *workers(project)])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
async def test_nothing_is_left_of_core_tools(
    project: Path, core_tools: Path, number: signal.Signals
) -> None:
    async with started(project, environ=with_core_tools(core_tools)) as process:
        await until_it_serves(process)
        started_by_it = children(process.pid)
        assert set(workers(project)) <= set(started_by_it)
        process.send_signal(number)
        await output(process)
        assert (project / "stopped").exists() == (number != signal.SIGKILL)
        assert await gone(started_by_it)


async def test_core_tools_that_are_killed_leave_nothing_either(
    project: Path, core_tools: Path
) -> None:
    async with started(project, environ=with_core_tools(core_tools)) as process:
        await until_it_serves(process)
        started_by_it = children(process.pid)
        os.kill(json.loads((project / "func.json").read_text())["pid"], signal.SIGKILL)
        await output(process)
        assert process.returncode == 128 + signal.SIGKILL
        assert await gone(started_by_it)


async def test_core_tools_that_do_not_end_when_asked_are_killed(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    deaf = install(tmp_path_factory.mktemp("bin"), stop="signal.SIG_IGN")
    async with started(project, environ=with_core_tools(deaf)) as process:
        await until_it_serves(process)
        started_by_it = children(process.pid)
        process.terminate()
        process.terminate()  # a second time, so as not to wait
        await output(process)
        assert await gone(started_by_it)


async def test_a_host_without_the_app_is_not_announced(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import of the app has failed: every path is answered 404."""
    monkeypatch.setattr(run, "_LOADING_SECONDS", 0.1)
    folder = install(tmp_path_factory.mktemp("bin"), status=404)
    for name, value in with_core_tools(folder).items():
        monkeypatch.setenv(name, value)
    asked = run.options(project, "sample_app", os.environ, stand_in=False)
    with pytest.raises(LocalError, match=r"answers 404 at \S+/healthz.* see what it says above"):
        await run.run(asked)


@pytest.mark.parametrize("layout", ["", "bin/"])
@pytest.mark.parametrize("is_known", [True, False])
async def test_a_python_that_core_tools_do_not_run_is_said_in_one_line(
    project: Path, core_tools: Path, layout: str, is_known: bool
) -> None:
    """As the archive has it, and as npm has it, whose `func` is a link to a script beside."""
    this = f"3.{sys.version_info.minor}"
    for version in ["3.9", "3.10", *([this] if is_known else [])]:
        (core_tools / layout / "workers/python" / version).mkdir(parents=True)
    if layout:
        (core_tools / "lib").mkdir()
        (core_tools / "func").rename(core_tools / "lib" / "main.js")
        (core_tools / "func").symlink_to("lib/main.js")
    async with started(project, environ=with_core_tools(core_tools)) as process:
        if is_known:
            await until_it_serves(process)
            return
        said = await output(process)
    assert process.returncode == 1
    assert len(said.splitlines()) == 1
    assert f"run Python 3.9, 3.10, and this is {this}: update them" in said


async def test_core_tools_are_not_asked_for_the_runtime(project: Path, core_tools: Path) -> None:
    """They would ask whoever started them, and nobody answers."""
    (project / "local.settings.json").write_text(json.dumps({"Values": {}}))
    environ = with_core_tools(core_tools, SCIM_SECRET_TOKEN=TOKEN)
    async with started(project, environ=environ) as process:
        await until_it_serves(process)
        told = json.loads((project / "func.json").read_text())
        assert told["environ"]["FUNCTIONS_WORKER_RUNTIME"] == "python"


async def test_the_exit_code_of_core_tools_is_passed_on(project: Path, core_tools: Path) -> None:
    async with started(project, environ=with_core_tools(core_tools)) as process:
        url, _ = await until_it_serves(process)
        await get(url.removesuffix("/scim/v2") + "/exit")
        await output(process)
        assert process.returncode == 7


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PORT": "http"}, 'PORT must be a number up to 65535, not "http"'),
        ({"PORT": "65536"}, "PORT must be a number"),
        ({"EPHEMERAL": "maybe"}, "EPHEMERAL must be 1 or 0"),
        ({"PATH": "/nowhere"}, "node is missing"),
        ({"SCIM_SCHEMAS": "none.json"}, "SCIM_SCHEMAS: none.json cannot be read"),
        ({"SCIM_SECRET_TOKEN": "short"}, "SCIM_SECRET_TOKEN should "),
        ({"TABLE_NAME": "?", "SCIM_MAX_BODY_BYTES": "1 MiB"}, "; SCIM_MAX_BODY_BYTES should "),
    ],
)
async def test_what_is_wrong_is_said_in_one_line(
    project: Path, environ: dict[str, str], said: str
) -> None:
    async with started(project, environ=settings(EPHEMERAL="1") | environ) as process:
        lines = (await output(process)).splitlines()
        assert process.returncode == 1
        assert len(lines) == 1
        assert lines[0].startswith("error: ")
        assert said in lines[0]


async def test_a_bad_file_of_schemas_that_the_settings_file_names_is_said_in_one_line(
    project: Path, core_tools: Path
) -> None:
    (project / "own.json").write_text('{"name": "Device", "endpoint": "/Devices", "schema": 1}')
    held = {"SCIM_SECRET_TOKEN": TOKEN, "SCIM_SCHEMAS": str(project / "own.json")}
    (project / "local.settings.json").write_text(json.dumps({"Values": held}))
    for environ in (settings(EPHEMERAL="1"), with_core_tools(core_tools)):
        async with started(project, environ=environ) as process:
            said = await output(process)
        assert process.returncode == 1
        assert said == f"error: SCIM_SCHEMAS: {project}/own.json: schema should be a string\n"


@pytest.mark.parametrize("taken", [".data", ".data/azurite/.lock/x", "host.json/x"])
async def test_a_folder_that_cannot_be_used_is_said_in_one_line(project: Path, taken: str) -> None:
    (project / "host.json").unlink()
    (project / taken).parent.mkdir(parents=True, exist_ok=True)
    (project / taken).touch()
    async with started(project, "--stand-in", environ=settings(PORT="0")) as process:
        said = await output(process)
    assert process.returncode == 1
    assert len(said.splitlines()) == 1
    assert said.startswith("error: ")
    assert taken.split("/", maxsplit=1)[0] in said


async def test_a_busy_port_is_said_in_one_line(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with started(project, environ=settings(EPHEMERAL="1", PORT=port)) as process:
            lines = (await output(process)).splitlines()
    assert process.returncode == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"error: port {port} cannot be used")
    assert "PORT=" in lines[0]


@asynccontextmanager
async def busy(numbers: Iterable[int]) -> AsyncIterator[None]:
    """Somebody listens at these ports of this machine, whoever it is."""
    with ExitStack() as stack:
        for port in numbers:
            with suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
        yield


async def test_where_the_ports_of_the_storage_are_busy_free_ones_are_taken(project: Path) -> None:
    async with (
        busy(azurite.WELL_KNOWN_PORTS.values()),
        started(project, "--stand-in", environ=settings(PORT="0")) as process,
    ):
        url, lines = await until_it_serves(process)
        at = lines.index("Storage:    Azurite, kept in .data/azurite")
        named = re.fullmatch(
            r"TABLE_CONNECTION_STRING='UseDevelopmentStorage=true;"
            r"TableEndpoint=http://127\.0\.0\.1:(\d+)/devstoreaccount1'",
            lines[at + 1],
        )
        assert named
        port = int(named[1])
        assert port not in azurite.WELL_KNOWN_PORTS.values()
        for setting in ("TABLE_CONNECTION_STRING", "AzureWebJobsStorage"):
            _, storage = await get(f"{url}/environ/{setting}")
            assert f"TableEndpoint=http://127.0.0.1:{port}/devstoreaccount1;" in storage
        (run,) = run_record.living(project)
        assert (run.tenant_url, run.is_ephemeral, run.tenants) == (url, False, ("default",))
        assert run.storage == named[0].partition("'")[2].rstrip("'")

        # Two that keep their data in one folder would destroy them.
        async with started(project, "--stand-in", environ=settings(PORT="0")) as second:
            said = await output(second)
        assert second.returncode == 1
        assert said.startswith(f"error: another run of the service keeps its data in {project}")
        assert len(said.splitlines()) == 1
        process.terminate()
        await output(process)
    assert run_record.living(project) == []


async def test_a_run_in_memory_says_where_its_storage_is(project: Path) -> None:
    environ = settings(EPHEMERAL="1", SCIM_SECRET_TOKEN__ACME=TOKEN, TABLE_NAME="other")
    async with started(project, "--stand-in", environ=environ) as process:
        _, lines = await until_it_serves(process)
        at = lines.index("Storage:    Azurite, in memory, gone at the end")
        (run,) = run_record.living(project)
        assert lines[at + 1] == f"TABLE_CONNECTION_STRING='{run.storage}'"
        assert (run.pid, run.is_ephemeral, run.table) == (process.pid, True, "other")
        assert run.tenants == ("acme", "default")


async def test_a_storage_of_ones_own_is_left_alone_and_its_key_is_not_written_down(
    project: Path,
) -> None:
    own = "AccountName=contoso;AccountKey=a-key-that-nobody-must-see=="
    environ = settings(PORT="0", TABLE_CONNECTION_STRING=own)
    async with started(project, "--stand-in", environ=environ) as process:
        url, _ = await until_it_serves(process)
        assert await get(f"{url}/environ/TABLE_CONNECTION_STRING") == (200, own)
        (run,) = run_record.living(project)
        assert run.storage is None
        (file,) = (project / ".data" / "runs").iterdir()
        assert "nobody" not in file.read_text()


async def test_a_run_that_a_program_leads_is_none_of_the_folder(project: Path) -> None:
    async with started(project, "--stand-in", "--leash") as process:
        await until_it_serves(process)
        assert run_record.living(project) == []


async def test_an_app_that_the_host_would_refuse_is_said_and_nothing_is_announced(
    project: Path,
) -> None:
    (project / "sample_app.py").write_text("import azure.functions as func\n")
    async with started(project, "--stand-in") as process:
        said = await output(process)
    assert process.returncode == 1
    assert said == "error: sample_app.py must hold one FunctionApp, and it holds 0\n"


async def test_data_is_kept_between_runs_in_a_folder_of_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = run.options(project, "sample_app", {}, stand_in=True)
    assert (asked.port, asked.ephemeral) == (7071, False)
    seen: dict[str, object] = {}
    monkeypatch.setattr(azurite, "running", lambda **of: seen.update(of))
    monkeypatch.setattr(ports, "are_free", lambda _: True)
    run._storage(asked)
    assert seen == {
        "location": project / ".data" / "azurite",
        "ports": {"blob": 10000, "queue": 10001, "table": 10002},
    }


async def test_ports_of_the_storage_that_are_taken_at_the_last_moment_are_left(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They look free once, and are not."""
    asked = run.options(project, "sample_app", {"PORT": "0"}, stand_in=True)
    look, looks = ports.are_free, iter([True])
    monkeypatch.setattr(ports, "are_free", lambda numbers: next(looks, False) or look(numbers))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        known = {"blob": port, "queue": 0, "table": 0}
        monkeypatch.setattr(azurite, "WELL_KNOWN_PORTS", known)
        async with AsyncExitStack() as stack:
            storage = await run._start_storage(asked, stack)
            assert port not in storage.ports.values()


async def test_the_whole_service_can_be_had_as_a_block(project: Path) -> None:
    async with service.running(app="sample_app", root=project, environ={"EXTRA": "1"}) as running:
        assert running.tenant_url == f"{running.base_url}/scim/v2"
        assert await get(f"{running.tenant_url}/environ/EXTRA") == (200, "1")
        assert (await get(f"{running.tenant_url}/environ/SCIM_SECRET_TOKEN"))[1] == running.token


async def test_a_service_that_does_not_start_says_why(project: Path) -> None:
    with pytest.raises(LocalError, match=r"missing_app\.py is missing"):
        async with service.running(app="missing_app", root=project):
            raise AssertionError("it runs")
