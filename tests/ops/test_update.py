"""The last release and this tree on one table, under writes: what an update, and a rollback, does.

For some seconds of each update two versions run, with `RollingUpdate` for minutes. Whatever the
clients were answered is there, through either version, and the rows keep every rule. The first
version is killed in the middle, which is how `Recreate` ends it.

The release is the newest tag before HEAD, or the commit before it while there is no tag, or what
SCIM_RELEASE names. It is served by the stand-in of this tree, with the packages of this tree, also
where its requirements.txt has others: then a warning says so.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import warnings
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from local import children
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from tests.support.fixtures.scim_client import Scim
from tests.support.partition import read_partition
from tests.support.production import Log
from tests.support.release import VARIABLE, last_release, unpack
from tests.support.seeds import seed
from tests.support.traffic import Client, Instances, Shared

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Mapping, Sequence

    from local.azurite import Azurite
    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 3
STEPS = 7
USERS = 205
"""More than a group may have that is swept within the request that deletes it."""
TOKEN = secrets.token_urlsafe(32)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the last release."""
    commit = last_release(ROOT, os.environ.get(VARIABLE))
    folder = unpack(ROOT, commit, tmp_path_factory.mktemp("release"))
    if (folder / "requirements.txt").read_bytes() != (ROOT / "requirements.txt").read_bytes():
        warnings.warn(f"{commit} runs with the packages of this tree, not its own", stacklevel=1)
    return folder


@pytest.fixture
async def table(storage: Azurite, tenant: str) -> AsyncIterator[AzureTable]:
    """A table of its own, because Azurite looks through all of one for every list."""
    opened = open_table(TableAddress(tenant, connection_string=storage.connection_string))
    yield opened
    await opened.close()


@pytest.mark.parametrize("is_rollback", [False, True], ids=["update", "rollback"])
async def test_all_that_was_acknowledged_is_there_through_both_versions(
    *,
    is_rollback: bool,
    release: Path,
    storage: Azurite,
    table: AzureTable,
    tenant: str,
    new_context: NewContext,
) -> None:
    everyone = await seed(table, new_context(), users=USERS)
    (large,) = everyone.groups
    settings = settings_of(tenant, storage)
    first, second = (ROOT, release) if is_rollback else (release, ROOT)
    async with (
        running(first, settings, tenant) as one,
        running(second, settings, tenant) as other,
    ):
        joined, replaced = [(await one.scim.create_group(f"of all {n}"))["id"] for n in range(2)]
        instances = Instances([one.scim])
        shared = Shared(everyone.users, joined, replaced)
        clients = [Client(f"client{n}", instances, shared) for n in range(CLIENTS)]
        await asyncio.gather(one.scim.delete(f"/Groups/{large}"), work(clients))
        instances.running.append(other.scim)
        await work(clients)
        others = asyncio.create_task(work(clients[1:]))
        await work(clients[:1], STEPS // 2)
        one.process.kill()
        instances.running.remove(one.scim)
        await others
        await work(clients)
        await asyncio.gather(*(client.check() for client in clients))
        assert await other.scim.members(replaced) in [each.last_list for each in clients]
        for uid in everyone.users[:5]:
            groups = (await other.scim.user(uid)).get("groups", [])
            assert large not in [group["value"] for group in groups]
    assert (await read_partition(table, new_context(seconds=60))).problems() == []


async def work(clients: Sequence[Client], steps: int = STEPS) -> None:
    await asyncio.gather(*(client.work(steps) for client in clients))


@dataclass(frozen=True, slots=True)
class Instance:
    """A running version."""

    scim: Scim
    process: Process


@asynccontextmanager
async def running(
    folder: Path, settings: Mapping[str, str], tenant: str
) -> AsyncIterator[Instance]:
    """Run the app in a folder by the stand-in of this tree, and wait until it serves."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        url, descriptor = f"http://127.0.0.1:{listener.getsockname()[1]}", listener.fileno()
        command = [sys.executable, "-m", "local.host", "--root", str(folder)]
        command += ["--app", "function_app", "--socket", str(descriptor)]
        async with (
            children.running(
                command, directory=ROOT, environ=settings, capture=True, descriptors=[descriptor]
            ) as process,
            httpx.AsyncClient(timeout=60, trust_env=False) as http,
        ):
            listener.close()  # once the process is gone nobody listens
            log = Log()
            following = asyncio.create_task(log.follow(process.stdout))
            try:
                healthy = await http.get(f"{url}/healthz")
            except httpx.TransportError:
                pytest.fail(f"the app in {folder} does not start:\n{log.text}")
            assert healthy.status_code == 200, log.text
            yield Instance(Scim(http, f"{url}/tenants/{tenant}/scim/v2", TOKEN), process)
            following.cancel()


def settings_of(tenant: str, storage: Azurite) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "AzureWebJobsStorage": storage.connection_string,
        "TABLE_CONNECTION_STRING": storage.connection_string,
        "TABLE_NAME": tenant,
        f"SCIM_SECRET_TOKEN__{tenant.upper()}": TOKEN,
        "SCIM_REQUESTS_PER_SECOND": "10000",
        "AzureWebJobs_sweeper_Disabled": "true",
    }


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    run = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three commits, each with its number in a file."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for number in range(3):
        (folder / "number").write_text(str(number))
        git(folder, "add", "number")
        git(folder, "commit", "--quiet", "--message", f"Commit {number}")
    return folder


def test_without_a_tag_the_release_is_the_commit_before(repository: Path, tmp_path: Path) -> None:
    commit = last_release(repository)
    assert commit == git(repository, "rev-parse", "HEAD^")
    assert (unpack(repository, commit, tmp_path / "files") / "number").read_text() == "1"


def test_the_release_is_the_newest_tag_before_this_commit(repository: Path) -> None:
    git(repository, "tag", "v0.2.0", "HEAD^^")
    git(repository, "tag", "v0.3.0", "HEAD")
    git(repository, "tag", "other", "HEAD^")
    assert last_release(repository) == git(repository, "rev-parse", "v0.2.0")


def test_another_commit_can_be_named(repository: Path) -> None:
    assert last_release(repository, "HEAD^^") == git(repository, "rev-parse", "HEAD^^")
    with pytest.raises(pytest.fail.Exception, match=f"{VARIABLE}=v9 is no commit of this clone"):
        last_release(repository, "v9")


def test_a_shallow_clone_says_what_to_fetch(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), str(clone))
    with pytest.raises(pytest.skip.Exception, match="which is shallow: fetch it: git fetch"):
        last_release(clone)
    git(clone, "fetch", "--quiet", "--tags", "--deepen", "1")
    assert last_release(clone) == git(repository, "rev-parse", "HEAD^")


def test_nothing_is_released_before_the_first_commit_or_without_a_repository(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "checkout", "--quiet", "HEAD^^")
    with pytest.raises(pytest.skip.Exception, match="first commit"):
        last_release(repository)
    with pytest.raises(pytest.skip.Exception, match="it is a package"):
        last_release(tmp_path)
