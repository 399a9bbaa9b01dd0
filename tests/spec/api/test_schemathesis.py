"""What `/openapi.json` says is so: schemathesis asks the running service whatever it allows.

It sends what the description allows and what it does not, in all its phases with all its checks:
answers of the described status, form, headers and media type, no success for what is not allowed,
no refusal of what is, no access without a key, and nothing found again that was deleted.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spec.api.conftest import MANAGER

if TYPE_CHECKING:
    from tests.spec.api.conftest import Managed

CONFIG = Path(__file__).with_name("schemathesis.toml")
"""Each check that is off there, for all operations or for one, has its reason beside it."""

SECONDS = 40
SEED = 7


@pytest.mark.timeout(180)
async def test_the_service_is_as_it_is_described(manage: Managed, tmp_path: Path) -> None:
    base = str(manage.app.client.base_url)
    arguments = [
        f"{base}/openapi.json",
        f"--header=Authorization:Bearer {MANAGER}",
        f"--max-time={SECONDS}",
        f"--seed={SEED}",
        "--workers=4",
        # A poll of the feed may wait.
        "--request-timeout=30",
        "--continue-on-failure",
        "--no-color",
        # Azurite answers in its own time.
        "--suppress-health-check=too_slow",
    ]
    command = (sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run")
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, cwd=tmp_path, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
