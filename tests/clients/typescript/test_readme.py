"""The examples of the library's page compile and do what the page says."""

import asyncio
import base64
import hashlib
import hmac
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.clients.typescript.conftest import LIBRARY, Product
from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService

README = (LIBRARY / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"```ts\n(.*?)```", README, re.DOTALL)
NAMED = dict(re.findall(r"<!-- (\w+)\.ts -->\n```ts\n(.*?)```", README, re.DOTALL))
SECRET = base64.b64encode(b"the secret of an endpoint").decode()


@asynccontextmanager
async def running(
    product: Product, name: str, environ: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs an example until the block ends, then ends it as a host does."""
    (product.folder / f"{name}.mts").write_text(NAMED[name])
    await asyncio.to_thread(product.compile, f"{name}.mts")
    process = await asyncio.create_subprocess_exec(
        *("node", f"{name}.mjs"),
        cwd=product.folder,
        env={**product.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


def test_every_example_compiles(product: Product) -> None:
    names = [f"example{number}.mts" for number in range(len(EXAMPLES))]
    for name, text in zip(names, EXAMPLES, strict=True):
        (product.folder / name).write_text(text)
    product.compile(*names)


async def test_the_feed_ends_sessions_and_goes_on_where_it_was(
    product: Product, running_service: RunningService, scim: Scim
) -> None:
    environ = {
        "SCIM_URL": running_service.base_url,
        "SCIM_API_KEY": KEYS["product"],
        "TENANT": scim.tenant_url.split("/")[4],
    }
    ana, bo = [
        await scim.create_user(f"{name}@contoso.test", active=True) for name in ("ana", "bo")
    ]
    await scim.patched_user(ana, {"op": "replace", "path": "active", "value": False})
    async with running(product, "feed", environ) as process:
        assert await line_of(process) == f"the sessions of {ana['id']} end"
        cursor = product.folder / "cursor.txt"
        while not cursor.exists():  # noqa: ASYNC110 - a file of another process
            await asyncio.sleep(0.01)
    assert process.returncode == 0
    await scim.delete(f"/Users/{bo['id']}")
    async with running(product, "feed", environ) as process:
        lines = [await line_of(process)]
        if lines[0] == f"the sessions of {ana['id']} end":  # told again within two minutes
            lines.append(await line_of(process))
        assert lines[-1] == f"the sessions of {bo['id']} end"


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 204), ("YW5vdGhlcg==", 401)])
async def test_the_receiver_takes_what_is_signed_and_nothing_else(
    product: Product, secret: str, status: int
) -> None:
    body = b'{"id": "1", "type": "user.deleted", "resource": {"type": "User", "id": "ana"}}'
    timestamp = str(int(time.time()))
    key, signed = base64.b64decode(secret), b"1." + timestamp.encode() + b"." + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    headers = {
        "webhook-id": "1",
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
    port = _free_port()
    environ = {"WEBHOOK_SECRETS": f"whsec_b2xk whsec_{SECRET}", "PORT": str(port)}
    async with (
        running(product, "receiver", environ) as process,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        async with asyncio.timeout(30):
            response = await _post(http, f"http://127.0.0.1:{port}", body, headers)
        assert response.status_code == status
        if status == 204:
            assert await line_of(process) == "user.deleted ana"


async def _post(
    http: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]
) -> httpx.Response:
    """Sends a webhook as soon as somebody listens."""
    while True:
        try:
            return await http.post(url, content=body, headers=headers)
        except httpx.ConnectError:
            await asyncio.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
