"""A queue function whose connection is an identity, as in Azure: over TLS, with tokens alone."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from local import children
from tests.support.fakes.azure import (
    STORAGE,
    Identity,
    StorageCredential,
    certificates,
    storage_over_tls,
)
from tests.support.fakes.key_vault import serving
from tests.support.production import CLIENT_ID, Log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT = "devstoreaccount1"
APP = """
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.queue_trigger(arg_name="message", queue_name="hints", connection="AzureWebJobsStorage")
async def take(message: func.QueueMessage) -> None:
    print("taken:", message.get_body().decode(), flush=True)

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
async def tick(timer: func.TimerRequest) -> None:
    print("ticked", flush=True)
"""


async def test_the_host_signs_in_to_queue_and_blobs_with_the_identity_that_its_settings_name(
    tmp_path: Path,
) -> None:
    (tmp_path / "signed_in_app.py").write_text(APP)
    (tmp_path / "host.json").write_text("{}")
    certificates(tmp_path)
    identity, authority = Identity(), str(tmp_path / "authority.pem")
    async with storage_over_tls(tmp_path) as ports, serving(identity.answer) as identity_url:
        url = {name: f"https://127.0.0.1:{port}/{ACCOUNT}" for name, port in ports.items()}
        async with QueueClient(
            url["queue"],
            "hints",
            StorageCredential(),
            message_encode_policy=TextBase64EncodePolicy(),
            connection_verify=authority,
        ) as queue:
            await queue.create_queue()
            await queue.send_message("hint")
        environ = {
            "PATH": os.environ["PATH"],
            "AzureWebJobsStorage__queueServiceUri": url["queue"],
            "AzureWebJobsStorage__blobServiceUri": url["blob"],
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": CLIENT_ID,
            "IDENTITY_ENDPOINT": f"{identity_url}/msi/token",
            "IDENTITY_HEADER": identity.header,
            "SSL_CERT_FILE": authority,
        }
        async with running_host(tmp_path, environ) as log:
            await log.until("taken: hint")
            await log.until("ticked")
    asked = {(query["resource"], query["client_id"]) for query in identity.queries}
    assert asked == {(STORAGE, CLIENT_ID)}


@asynccontextmanager
async def running_host(folder: Path, environ: dict[str, str]) -> AsyncIterator[Log]:
    """Run the app of a folder by the stand-in; give what it writes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "local.host", "--root", str(folder)]
        command += ["--app", "signed_in_app", "--socket", str(listener.fileno())]
        async with children.running(
            command,
            directory=ROOT,
            environ=environ,
            capture=True,
            descriptors=[listener.fileno()],
        ) as process:
            log = Log()
            following = asyncio.create_task(log.follow(process.stdout))
            yield log
            following.cancel()
