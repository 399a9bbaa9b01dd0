"""A machine from which the service is deployed: an Azure that az reaches, and the live service.

az is the recorder of tests/support/fakes/az.py; curl and Python are real, and so is the service
behind TLS: what the scripts write into the recorder's vault is what opens it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import ssl
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme

from infra.package_app import FILES, LOCKS
from local import children
from tests.support.deployed import PACKAGES
from tests.support.fakes import az
from tests.support.fakes.azure_front import AzureFront, fronting
from tests.support.fakes.deployment_site import DeploymentSites, Site
from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault, Version, serving

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Iterator

    from aiohttp import web

    from local.azurite import Azurite

ROOT = Path(__file__).parents[4]
VAULT_HOST = "contoso.vault.azure.net"
READY_TOKEN = "the-token-of-the-tenant-default"
TENANTS = 150
"""More than tests need in one worker."""
TOOLS = ["sh", "cat", "cut", "dirname", "grep", "mktemp", "rm", "tr"]
"""What the scripts use besides az, curl and python3; sleep is replaced, so that nothing waits."""


class SharedVault(FakeKeyVault):
    """The vault as the live service sees it: what az has set in the worlds of the tests.

    Each world knows the secret `scim-token`; here it is that of the world's own tenant, because all
    tests share one service.
    """

    worlds: dict[str, Path]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        name = request.path.removeprefix("/secrets").strip("/").partition("/")[0]
        if name in self.worlds:
            world = json.loads((self.worlds[name] / "world.json").read_text())
            self.secrets[name] = [version(each) for each in world["secrets"].get("scim-token", [])]
        return await super().answer(request)


def version(stored: dict[str, Any]) -> Version:
    times = {
        name: int(datetime.fromisoformat(stored[name]).timestamp())
        for name in ("created", "expires", "notBefore")
        if stored.get(name)
    }
    return Version(
        id=stored["version"],
        value=stored["value"],
        created=times["created"],
        enabled=stored["enabled"],
        not_before=times.get("notBefore"),
        expires=times.get("expires"),
    )


@dataclass(frozen=True, slots=True)
class Live:
    """The live service.

    Attributes:
        url: Where its front end is.
        authority: File of the certificate that vouches for the front end.
        front: What came, and what is to go wrong.
        sites: The deployment sites of the apps.
        sites_host: Host and port of them.
        vault: Where it finds its tokens.
        tenants: Names of tenants that nobody has used yet.
    """

    url: str
    authority: Path
    front: AzureFront
    sites: DeploymentSites
    sites_host: str
    vault: SharedVault
    tenants: Iterator[str]


@pytest.fixture(scope="session")
async def live(storage: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    """The service, with its tokens in a vault; one for each worker."""
    folder = tmp_path_factory.mktemp("live")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", VAULT_HOST).configure_cert(tls)
    vault, identity = SharedVault(url=f"https://{VAULT_HOST}"), FakeIdentity()
    sites = DeploymentSites()
    vault.worlds = {}
    vault.put("scim-token", READY_TOKEN)
    names = [f"d{number:03}" for number in range(TENANTS)]
    for name in names:
        vault.put(f"scim-token--{name}", "the-token-of-a-tenant-without-a-world")
    async with (
        serving(vault.answer, tls) as vault_url,
        serving(identity.answer) as identity_url,
        serving(sites.answer, tls) as sites_url,
    ):
        environ = {
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "TABLE_CONNECTION_STRING": storage.connection_string,
            "KEY_VAULT_URL": vault.url,
            "IDENTITY_ENDPOINT": f"{identity_url}/msi/token",
            "IDENTITY_HEADER": identity.header,
            "SSL_CERT_FILE": str(folder / "authority.pem"),
            "PORTS_OF_NAMES": json.dumps({VAULT_HOST: int(vault_url.rpartition(":")[2])}),
            "PATH": os.environ["PATH"],
        }
        async with app_process(environ) as address:
            front = AzureFront(address, ready_token=READY_TOKEN)
            async with fronting(front, tls) as url:
                yield Live(
                    url,
                    folder / "authority.pem",
                    front,
                    sites,
                    sites_url.removeprefix("https://"),
                    vault,
                    iter(names),
                )


@asynccontextmanager
async def app_process(environ: dict[str, str]) -> AsyncIterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "tests.support.fakes.azure_names", "--root", str(ROOT)]
        command += ["--app", "function_app", "--socket", str(listener.fileno())]
        async with children.running(
            command,
            directory=ROOT,
            environ=environ,
            capture=True,
            descriptors=[listener.fileno()],
        ) as process:
            assert process.stdout is not None
            reading = asyncio.create_task(process.stdout.read())
            yield listener.getsockname()
            reading.cancel()


def shorten(lock: Path) -> None:
    """Leave one small package in a lock: the whole is what test_package_app.py is about."""
    (line,) = re.findall(r"(?m)^annotated-types==.*$", lock.read_text())
    lock.write_text(f"{line}\n")


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the project in which somebody has worked, with the scripts and the app in it."""
    folder = tmp_path_factory.mktemp("clone") / "a clone"
    for name in ("infra", *PACKAGES):
        shutil.copytree(ROOT / name, folder / name)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for name in LOCKS.values():
        shorten(folder / "infra" / name)
    for left_behind in ("shared/__pycache__/tenants.pyc", "scim_users/.DS_Store", "tests/x.py"):
        (folder / left_behind).parent.mkdir(parents=True, exist_ok=True)
        (folder / left_behind).touch()
    for name in ("main.bicep", "dev.bicepparam", "prod.bicepparam"):
        if not (folder / "infra" / name).exists():
            (folder / "infra" / name).write_text("// SCIM_ALERT_EMAIL SCIM_TOKEN_OFFICER_ID")
    return folder


@dataclass(frozen=True, slots=True)
class Done:
    """How a script ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line in which it says why it failed."""
        assert self.status != 0, self.out
        (line,) = self.err.splitlines()
        assert line.startswith("error: "), line
        return line.removeprefix("error: ")


@dataclass(frozen=True, slots=True)
class Machine:
    """A person's machine, with the scripts, the tools that they need, and a subscription."""

    folder: Path
    clone: Path
    tenant: str
    live: Live
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def site(self) -> Site:
        """The deployment site of the app."""
        return self.live.sites.sites[access_token(self.tenant)]

    @property
    def package(self) -> Path:
        """A package that was made before: to the scripts, any file is one."""
        path = self.folder / "made before.zip"
        path.write_bytes(b"a package")
        return path

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def tenant_url(self) -> str:
        return f"{self.live.url}/tenants/{self.tenant}/scim/v2"

    @property
    def world(self) -> az.World:
        read: az.World = json.loads((self.folder / "world.json").read_text())
        return read

    def change(self, **parts: Any) -> None:
        """Change parts of the world."""
        (self.folder / "world.json").write_text(json.dumps(self.world | parts))

    def fault(
        self,
        command: str,
        said: str = "Azure is not well.\nTry again later.",
        *,
        times: int = 1,
        after: bool = False,
        hang: bool = False,
    ) -> None:
        """Let a command fail, before or after it has done its work; or hang until it is killed."""
        fault = {"command": command, "said": said, "times": times, "after": after, "hang": hang}
        self.change(faults=[*self.world["faults"], fault])

    def front_fault(self, method: str, *answers: bytes) -> None:
        """Let the front end answer requests of this tenant, in turn."""
        self.live.front.faults[f"{method} /tenants/{self.tenant}/scim/v2"] = list(answers)

    def unready(self, *answers: bytes) -> None:
        """Let the front end answer whoever asks whether the app is ready, in turn."""
        self.live.front.faults[f"GET /tenants/{self.tenant}/readyz"] = list(answers)

    def secret(self, value: str, *, age_days: int = 0, **attributes: Any) -> str:
        """Put a version of the secret into the vault; times are days from now."""
        now = datetime.now(UTC)
        stored = {"version": f"{len(self.versions):032x}", "value": value, "enabled": True}
        stored["created"] = (now - timedelta(days=age_days)).isoformat()
        for name, setting in attributes.items():
            is_time = name in {"expires", "notBefore"}
            stored[name] = (now + timedelta(days=setting)).isoformat() if is_time else setting
        self.change(secrets={"scim-token": [*self.versions, stored]})
        return str(stored["version"])

    @property
    def versions(self) -> list[dict[str, Any]]:
        versions: list[dict[str, Any]] = self.world["secrets"].get("scim-token", [])
        return versions

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What was asked of az."""
        log = self.folder / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def commands(self) -> list[str]:
        """The commands of the calls, without their options."""
        return [az.parsed(call["argv"])[0] for call in self.calls]

    def options(self, command: str) -> dict[str, str]:
        """The options of the one call of a command."""
        (call,) = [c for c in self.calls if az.parsed(c["argv"])[0] == command]
        return az.parsed(call["argv"])[1]

    @property
    def arguments_of_curl(self) -> str:
        log = self.folder / "curl.log"
        return log.read_text() if log.exists() else ""

    @property
    def pauses(self) -> list[int]:
        log = self.folder / "sleep.log"
        return [int(line) for line in log.read_text().split()] if log.exists() else []

    @property
    def requests(self) -> list[str]:
        """What reached the front end for this tenant, as `METHOD path` under the Tenant URL."""
        prefix = f"/tenants/{self.tenant}/scim/v2"
        return [each.replace(prefix, "") for each in self.live.front.requests if prefix in each]

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def hang_in_sleep(self) -> None:
        """Let the first pause last until the script is interrupted."""
        # exec, because a signal that comes while the shell forks does not reach the new process.
        hang = f': >"{self.folder}/hangs"; exec "{shutil.which("sleep")}" 60'
        slept = f'"{self.folder}/slept"'
        self.program("sleep", f"[ -e {slept} ] || {{ : >{slept}; {hang}; }}")

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": str(self.bin),
            "HOME": str(self.folder),
            "TMPDIR": str(self.temporary),
            "AZ_WORLD": str(self.folder),
            "CURL_CA_BUNDLE": str(self.live.authority),
            **self.variables,
        }

    async def run(self, script: str, *arguments: str, typed: str = "") -> Done:
        """Run a script of infra/ to its end; it leaves no temporary file."""
        process = await self._start("sh", str(self.clone / "infra" / script), *arguments)
        async with asyncio.timeout(60):
            out, err = await process.communicate(typed.encode())
        assert process.returncode is not None
        assert list(self.temporary.iterdir()) == []
        return Done(process.returncode, out.decode(), err.decode())

    async def type(self, line: str, *, typed: str = "") -> Done:
        """Type a command in the folder of the clone."""
        process = await self._start("sh", "-c", line, folder=self.clone)
        async with asyncio.timeout(60):
            out, err = await process.communicate(typed.encode())
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())

    async def interrupt(self, number: signal.Signals, script: str, *arguments: str) -> Done:
        """Run a script until something hangs, then signal it and its children, as Ctrl-C does."""
        process = await self._start("sh", str(self.clone / "infra" / script), *arguments)
        hangs = self.folder / "hangs"
        async with asyncio.timeout(60):
            while not hangs.exists():
                ended = process.returncode
                assert ended is None, await process.communicate()
                await asyncio.sleep(0.01)
            hangs.unlink()
            os.killpg(process.pid, number)
            out, err = await process.communicate()
        assert process.returncode is not None
        assert list(self.temporary.iterdir()) == []
        return Done(process.returncode, out.decode(), err.decode())

    async def _start(self, *command: str, folder: Path | None = None) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=folder or self.folder,
            env=self.environ,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )

    async def users(self) -> list[str]:
        """The names of the users that the live service holds."""
        token = self.versions[-1]["value"]
        trust = ssl.create_default_context(cafile=str(self.live.authority))
        async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
            answer = await client.get(
                f"{self.tenant_url}/Users", headers={"Authorization": f"Bearer {token}"}
            )
        assert answer.status_code == 200, answer.text
        return [user["userName"] for user in answer.json()["Resources"]]


def access_token(tenant: str) -> str:
    return f"the-access-token-of-{tenant}"


def new_machine(folder: Path, clone: Path, live: Live) -> Machine:
    made = Machine(folder, clone, next(live.tenants), live)
    made.bin.mkdir()
    made.temporary.mkdir()
    for tool in TOOLS:
        (made.bin / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    made.program("python3", f'exec "{sys.executable}" "$@"')
    made.program("az", f'exec "{sys.executable}" -I "{az.__file__}" "$@"')
    made.program("curl", f'echo "$*" >>"{folder}/curl.log"\nexec "{shutil.which("curl")}" "$@"')
    made.program("sleep", f'echo "$1" >>"{folder}/sleep.log"')
    token = access_token(made.tenant)
    world = az.empty_world(made.tenant_url)
    world |= {"deployment_site": live.sites_host, "access_token": token}
    (folder / "world.json").write_text(json.dumps(world))
    live.sites.sites[token] = Site()
    live.vault.worlds[f"scim-token--{made.tenant}"] = folder
    return made


@pytest.fixture
def machine(tmp_path: Path, clone: Path, live: Live) -> Machine:
    return new_machine(tmp_path, clone, live)
