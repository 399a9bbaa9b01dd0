"""`python -m local.example`: runs the example product beside the service, each a child of its own.

The service has its storage in memory. An identity provider is played as Microsoft Entra ID writes:
some people and groups are provisioned, and the product's operator says which groups give which
roles. With `--demo` somebody signs in, is given a role and loses it, and is disabled.
"""

import asyncio
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import httpx
import typer

from local import children, service
from local.errors import LocalError
from tools.command_line import App
from tools.provision import wire
from tools.provision.client import ScimClient
from tools.provision.directory import Group
from tools.provision.results import Ledger, Operation
from tools.provision.wire import Change, Dialect

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "examples" / "product"
LIBRARY: Final = ROOT / "clients" / "python" / "src"
ANNOUNCEMENT: Final = b"Product: "
START_SECONDS: Final = 60.0
PATIENCE: Final = 120.0
"""Seconds after which a session that goes on is taken for one that does not end."""

LONGEST_WAIT: Final = 20

_LOOK_SECONDS: Final = 0.01
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
_PEOPLE: Final = ("ana@contoso.test", "ben@contoso.test", "cy@contoso.test")
_SALES, _ADMINS = "Sales", "Product administrators"
_ROLE_MAP: Final = [
    {"group": {"displayName": _ADMINS}, "role": "admin", "priority": 1},
    {"group": {"displayName": _SALES}, "role": "editor", "priority": 20},
]

app = App()


@dataclass(frozen=True, slots=True)
class Example:
    """The service and the product that run.

    Attributes:
        tenant_url: of the service, for the identity provider.
        token: the secret token that goes with it.
        product_url: of the pages.
        operator_key: an API key that manages the tenant.
    """

    tenant_url: str
    token: str
    product_url: str
    operator_key: str


@asynccontextmanager
async def running(
    *, wait: int = LONGEST_WAIT, interval: float = 60.0, python: str = sys.executable
) -> AsyncIterator[Example]:
    """Run the service and the product until the block ends.

    Args:
        wait: seconds for which the product lets the service hold a poll back.
        interval: seconds between two polls that are not held back.
        python: runs the product; one that has the client library installed, or this one.

    Raises:
        LocalError: one of them does not start.
    """
    key, operator_key = [
        f"scimkey_{name}_{secrets.token_urlsafe(32)}" for name in ("product", "operator")
    ]
    grants = {
        "SCIM_API_KEY__PRODUCT": f"{key} scopes=identities.read,events.read tenants=default",
        "SCIM_API_KEY__OPERATOR": f"{operator_key} scopes=tenants.manage tenants=default",
    }
    async with service.running(environ=grants) as running_service:
        with TemporaryDirectory(prefix="scim-example-") as folder:
            environ = {
                **os.environ,
                "PRODUCT_SERVICE_URL": running_service.base_url,
                "PRODUCT_API_KEY": key,
                "PRODUCT_DATABASE_URL": f"sqlite:///{folder}/product.db",
                "PRODUCT_PORT": os.environ.get("PRODUCT_PORT", "0"),
                "PRODUCT_WAIT": str(wait),
                "PRODUCT_INTERVAL": str(interval),
            }
            if python == sys.executable:
                environ["PYTHONPATH"] = str(LIBRARY)
            async with _product(python, environ) as url:
                yield Example(running_service.tenant_url, running_service.token, url, operator_key)


@asynccontextmanager
async def _product(python: str, environ: dict[str, str]) -> AsyncIterator[str]:
    """Run the product, and tell where its pages are."""
    command = [python, "-m", "product"]
    async with children.running(
        command, directory=FOLDER, environ=environ, capture=True
    ) as process:
        try:
            async with asyncio.timeout(START_SECONDS):
                url = await _announced(process.stdout)
        except TimeoutError:
            raise LocalError("the product does not start") from None
        draining = asyncio.create_task(_drain(process.stdout))
        try:
            yield url
        finally:
            draining.cancel()


async def _announced(output: asyncio.StreamReader | None) -> str:
    said: list[str] = []
    while output and (line := await output.readline()):
        if line.startswith(ANNOUNCEMENT):
            return line.removeprefix(ANNOUNCEMENT).decode().strip()
        said.append(line.decode(errors="replace").rstrip())
    raise LocalError("the product did not start: " + "\n".join(said))


async def _drain(output: asyncio.StreamReader | None) -> None:
    """Show what the product says: a full pipe would hold it up."""
    while output and (line := await output.readline()):
        sys.stderr.write(line.decode(errors="replace"))


class IdentityProvider:
    """Does to the service what Microsoft Entra ID does, in its older dialect."""

    def __init__(self, client: ScimClient) -> None:
        self._client = client

    async def create_user(self, name: str) -> str:
        """Create a user, and return its id."""
        body = wire.new_user({"userName": name, "externalId": secrets.token_hex(8)})
        user = await self._client.call(Operation.CREATE_USER, "POST", "/Users", body)
        return str(user["id"])

    async def set_active(self, user_id: str, *, active: bool) -> None:
        """Disable or restore a user."""
        operation = Operation.RESTORE_USER if active else Operation.DISABLE_USER
        body = wire.patch(wire.update(Dialect.LEGACY, [Change("active", active)]))
        await self._client.call(operation, "PATCH", f"/Users/{user_id}", body)

    async def create_group(self, name: str) -> str:
        """Create a group, and return its id."""
        body = wire.new_group(Group(secrets.token_hex(8), name, ()))
        group = await self._client.call(Operation.CREATE_GROUP, "POST", "/Groups", body)
        return str(group["id"])

    async def add_members(self, group_id: str, members: list[str]) -> None:
        """Add members to a group."""
        change = wire.patch(wire.add_members(Dialect.LEGACY, members))
        await self._change_group(Operation.ADD_MEMBERS, group_id, change)

    async def remove_members(self, group_id: str, members: list[str]) -> None:
        """Remove members from a group."""
        change = wire.patch(wire.remove_members(Dialect.LEGACY, members))
        await self._change_group(Operation.REMOVE_MEMBERS, group_id, change)

    async def _change_group(self, operation: Operation, group_id: str, body: wire.Json) -> None:
        path, accept = f"/Groups/{group_id}", frozenset({204})
        await self._client.call(operation, "PATCH", path, body, accept=accept)


class Browser:
    """A browser with its cookies, at the product."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def sign_in(self, name: str) -> httpx.Response:
        """Send the form of the sign-in page, and return the answer."""
        page = await self._http.get("/sign-in")
        found = _TOKEN.search(page.text)
        form = {"csrf": found[1] if found else "", "name": name}
        return await self._http.post("/sign-in", data=form)

    async def is_signed_in(self) -> bool:
        """Ask whether the session goes on."""
        return (await self._http.get("/session")).status_code == 204

    async def is_admin(self) -> bool:
        """Ask for the page that is for the role `admin` alone."""
        return (await self._http.get("/admin")).status_code == 200


@asynccontextmanager
async def visiting(example: Example) -> AsyncIterator[tuple[IdentityProvider, Browser]]:
    """Open an identity provider and a browser."""
    async with (
        ScimClient(example.tenant_url, example.token, Ledger()) as client,
        httpx.AsyncClient(base_url=example.product_url, trust_env=False, timeout=30) as http,
    ):
        yield IdentityProvider(client), Browser(http)


async def time_to_end(example: Example, name: str) -> float:
    """Provision somebody who signs in and is disabled; measure until the session has ended.

    Returns:
        Seconds from the service's answer to the identity provider to the first request of the
        browser that is no longer let in.

    Raises:
        LocalError: she is not let in, or her session does not end.
    """
    async with visiting(example) as (provider, browser):
        user_id = await _provision_and_sign_in(provider, browser, name)
        await provider.set_active(user_id, active=False)
        seconds = await _time_until(browser.is_signed_in, wanted=False)
        if (await browser.sign_in(name)).status_code != 403:
            raise LocalError(f"{name} was let in again")
        return seconds


async def time_to_role(example: Example, name: str, group_id: str) -> tuple[float, float]:
    """Provision somebody who signs in, then joins the administrators and leaves them.

    Args:
        example: what runs.
        name: of the user.
        group_id: of the group that gives the role `admin`.

    Returns:
        Seconds from the service's answer to the identity provider until the role is there, and
        until it is gone, without signing in again.

    Raises:
        LocalError: she is not let in, or her role does not change.
    """
    async with visiting(example) as (provider, browser):
        user_id = await _provision_and_sign_in(provider, browser, name)
        await provider.add_members(group_id, [user_id])
        given = await _time_until(browser.is_admin, wanted=True)
        await provider.remove_members(group_id, [user_id])
        return given, await _time_until(browser.is_admin, wanted=False)


async def _provision_and_sign_in(provider: IdentityProvider, browser: Browser, name: str) -> str:
    user_id = await provider.create_user(name)
    answer = await browser.sign_in(name)
    if answer.status_code != 303 or not await browser.is_signed_in():
        raise LocalError(f"{name} could not sign in: {answer.status_code}")
    return user_id


async def _time_until(ask: Callable[[], Awaitable[bool]], *, wanted: bool) -> float:
    """Ask the product again and again until it answers as wanted; return the seconds."""
    began = time.perf_counter()
    while await ask() is not wanted:
        if time.perf_counter() - began > PATIENCE:
            raise LocalError(f"the product has heard of nothing after {PATIENCE:g} s")
        await asyncio.sleep(_LOOK_SECONDS)
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What is there when the product is shown.

    Attributes:
        people: ids of the users.
        admins: id of the group that gives the role `admin`.
    """

    people: list[str]
    admins: str


async def provision(example: Example) -> Provisioned:
    """Provision some people and groups, and say which groups give which roles."""
    async with visiting(example) as (provider, _):
        people = [await provider.create_user(name) for name in _PEOPLE]
        sales, admins = [await provider.create_group(name) for name in (_SALES, _ADMINS)]
        # Before the memberships: a new map is told of those who are members already, but later.
        await set_role_map(example, _ROLE_MAP)
        await provider.add_members(sales, people[:2])
        await provider.add_members(admins, people[:1])
    return Provisioned(people, admins)


async def set_role_map(example: Example, role_map: list[dict[str, object]]) -> None:
    """Set the role map of the tenant, as the product's operator.

    Raises:
        LocalError: the service refuses it.
    """
    base_url = example.tenant_url.removesuffix("/scim/v2")
    headers = {"Authorization": f"Bearer {example.operator_key}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as http:
        answer = await http.patch("/api/v1/tenants/default", json={"roleMap": role_map})
    if not answer.is_success:
        raise LocalError(f"the role map was refused: {answer.text}")


async def show(python: str, *, demo: bool) -> None:
    """Run both, say what can be done, and stay until Ctrl-C or the end of the demonstration."""
    _end_by_signal()
    print("Starting the service with its storage in memory, and the product ...", flush=True)
    async with running(python=python) as example:
        provisioned = await provision(example)
        print(f"Provisioned: {', '.join(_PEOPLE)}")
        print(f"Roles:       {_SALES} are editors (Ana, Ben), {_ADMINS} are admins (Ana)")
        if demo:
            await _demonstrate(example, provisioned.admins)
            return
        print(_INSTRUCTIONS.format(example=example, id=provisioned.people[0]), flush=True)
        await asyncio.Event().wait()


async def _demonstrate(example: Example, admins: str) -> None:
    name = "eli@contoso.test"
    print(f"{name} signs in, joins {_ADMINS} and leaves them ...", flush=True)
    given, taken = await time_to_role(example, name, admins)
    print(f"The role admin was there after {given:.2f} s, and gone after {taken:.2f} s.")
    name = "dee@contoso.test"
    print(f"{name} is provisioned, signs in and is disabled ...", flush=True)
    seconds = await time_to_end(example, name)
    print(f"Her session ended {seconds:.2f} s after the identity provider was answered.")
    print("She asked to come in again, and was refused.")


_INSTRUCTIONS = """\
Product:    {example.product_url}
            Sign in as ana@contoso.test. Then disable her in another terminal, and look:

curl -X PATCH {example.tenant_url}/Users/{id} \\
  -H "Authorization: Bearer {example.token}" -H "Content-Type: application/scim+json" \\
  -d '{{"Operations": [{{"op": "replace", "path": "active", "value": false}}]}}'

Ctrl-C ends both; nothing stays."""


def _end_by_signal() -> None:
    """Let SIGTERM and SIGHUP end both as Ctrl-C does."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            loop.add_signal_handler(number, task.cancel)


@app.command()
def main(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Give a role, take it, disable somebody, and end.")
    ] = False,
    python: Annotated[str, typer.Option(help="Runs the product.")] = sys.executable,
) -> None:
    """Run the example product beside the service.

    Exit status: 0 when the demonstration went well, 1 when it did not, 130 after Ctrl-C.
    """
    try:
        asyncio.run(show(python, demo=demo))
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        raise typer.Exit(130) from error


if __name__ == "__main__":
    app.run("python -m local.example")
