"""The receivers of docs/integrate.md are run: they take what is signed, and apply it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.ops.docs.markdown import ROOT
from tests.support.fixtures.api_client import KEYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.clients.typescript.conftest import Product
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService

PAGE = (ROOT / "docs" / "integrate.md").read_text("utf-8")
NAMED = dict(re.findall(r"<!-- ([\w.]+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
VECTORS = json.loads((ROOT / "clients" / "vectors" / "signatures.json").read_text("utf-8"))


def signed(body: bytes, secret: str) -> dict[str, str]:
    """Return the headers of a webhook that is sent now."""
    timestamp = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, b"1." + timestamp.encode() + b"." + body, hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return dict(zip(names, ("1", timestamp, signature), strict=True))


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


async def post(url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """Send a webhook as soon as somebody listens."""
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False, timeout=30) as http:
        while True:
            try:
                return await http.post(url, content=body, headers=headers)
            except httpx.ConnectError:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def receiver(
    language: str, folder: Path, product: Product, environ: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the receiver of the page in a language until the block ends."""
    if language == "python":
        (folder / "receiver.py").write_text(NAMED["receiver.py"])
        command = (sys.executable, str(folder / "receiver.py"))
        environ = {**environ, "PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
    else:
        (product.folder / "hooks.mts").write_text(NAMED["receiver.ts"])
        await asyncio.to_thread(product.compile, "hooks.mts")
        command = ("node", str(product.folder / "hooks.mjs"))
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**environ, "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("language", ["python", "typescript"])
async def test_a_receiver_answers_at_once_and_applies_what_is_signed(
    language: str,
    tmp_path: Path,
    product: Product,
    running_service: RunningService,
    scim: Scim,
) -> None:
    user = await scim.create_user("ana@contoso.test", active=True)
    tenant = scim.tenant_url.split("/")[4]
    event: dict[str, Any] = {
        "id": "1",
        "type": "user.created",
        "tenant": tenant,
        "time": "2026-11-29T14:00:00.000Z",
        "resource": {"type": "User", "id": user["id"], "uri": f"/Users/{user['id']}", "version": 1},
        "active": True,
        "attributes": ["userName"],
        "members": {"added": [], "removed": []},
        "event": "urn:ietf:params:scim:event:prov:create:notice",
        "txn": "1",
        "actor": "scim-token/1a2b3c4d",
    }
    body, old, new = json.dumps(event).encode(), new_secret(), new_secret()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = {
        "WEBHOOK_SECRETS": f"{new} {old}",
        "SCIM_URL": running_service.base_url,
        "SCIM_API_KEY": KEYS["product"],
        "RECEIVER_PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}/"
    async with receiver(language, tmp_path, product, environ) as process:
        for secret, status in ((new_secret(), 401), (old, 204), (new, 204)):
            assert (await post(url, body, signed(body, secret))).status_code == status
        assert process.stdout is not None
        async with asyncio.timeout(60):
            for _ in range(2):
                line = (await process.stdout.readline()).decode().strip()
                assert line == f"{tenant}: user.created {user['id']}"


GENUINE = [each for each in VECTORS if each["verdict"] == "valid"][:1]


@pytest.mark.parametrize("vector", GENUINE, ids=lambda each: each["description"])
async def test_a_signature_is_made_by_hand(vector: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(vector["payload"])
    headers = vector["headers"]
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", NAMED["verify.sh"]),
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "SECRET": vector["secrets"][0],
            "WEBHOOK_ID": headers["webhook-id"],
            "WEBHOOK_TIMESTAMP": headers["webhook-timestamp"],
        },
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert f"v1,{out.decode().strip()}" == headers["webhook-signature"]


READ = """
SCIM_API_KEY="$READER" "$PYTHON" ../receiver.py > ../receiver.out &
trap "kill $! || :" EXIT
until curl --silent --output /dev/null "http://127.0.0.1:$RECEIVER/"; do sleep 0.1; done
"""
SEEN = """
until grep --quiet user.created ../receiver.out; do sleep 0.1; done
until ask "$URL/api/v1/webhooks/$WEBHOOK/deliveries" | grep --quiet delivered; do sleep 0.1; done
"""
AGAIN = "kill $!\nwait $! || :\n" + READ
WALK = (
    *("place.sh", "register.sh", "environ.sh"),
    *(READ, "cause.sh", SEEN, "look.sh", "rotate.sh"),
    *(AGAIN, "message.sh", "verify.sh", "send.sh", "end.sh"),
)
"""The commands of the page in their order, and what a reader does between: look, and wait."""


async def test_the_commands_can_be_typed_as_they_stand(
    tmp_path: Path, running_service: RunningService
) -> None:
    (tmp_path / "receiver.py").write_text(NAMED["receiver.py"])
    (tmp_path / "clone").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    script = "set -eu\n" + "".join(NAMED.get(each, each) for each in WALK)
    for told, here in (
        ("http://127.0.0.1:7071", running_service.base_url),
        ("RECEIVER=8000", f"RECEIVER={port}"),
        ("$(make --silent token)", running_service.default.token),
    ):
        assert script.count(told) == 1
        script = script.replace(told, here)
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", script),
        cwd=tmp_path / "clone",
        env={
            "PATH": os.environ["PATH"],
            "KEY": KEYS["events"],
            "READER": KEYS["product"],
            "PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(120):
        out = (await process.communicate())[0].decode()
    assert process.returncode == 0, out
    for said in ('"state":"enabled"', '"userName":"ana', '"state":"delivered"', '"redelivered":1'):
        assert said in out
    assert "\n204\n" in out, "the receiver takes what is signed by hand"
