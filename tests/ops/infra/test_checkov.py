"""checkov over the modules: nothing fails, nothing is unread, each skip has its reason in place."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.ops.infra.bicep import INFRA, MODULES, ROOT, of_kind

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOV = Path(os.environ.get("CHECKOV", ROOT / ".venv-infra" / "bin" / "checkov"))
SKIP = re.compile(r"checkov:skip=(\w+):(.*)")


def scanned(folder: Path) -> dict[str, Any]:
    """Return checkov's report; it is told to ask nobody outside."""
    if not CHECKOV.exists():
        pytest.fail("checkov is missing: make infra-check installs it", pytrace=False)
    run = subprocess.run(
        [CHECKOV, "-d", folder, "--framework", "bicep", "--skip-download", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def copied(folder: Path, change: Callable[[str], str]) -> Path:
    """Copy the modules with a change, and with the built-in types alone, which checkov reads."""
    for file in MODULES:
        text = file.read_text("utf-8").replace("{ *: string }", "object")
        (folder / file.name).write_text(change(text))
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return scanned(copied(tmp_path_factory.mktemp("modules"), lambda text: text))


def test_nothing_fails(report: dict[str, Any]) -> None:
    failed = report["results"]["failed_checks"]
    assert [f"{each['check_id']} {each['check_name']}: {each['resource']}" for each in failed] == []
    assert report["summary"]["passed"] >= 30


def test_every_module_is_read(report: dict[str, Any]) -> None:
    # main.bicep and settings.bicep declare no resources, so there is nothing in them to check;
    # checkov cannot read them for their user-defined types.
    assert report["results"]["parsing_errors"] == []
    assert report["summary"]["resource_count"] >= sum(
        len(of_kind(file, "resource")) for file in MODULES
    )
    for file in INFRA.glob("*.bicep"):
        assert of_kind(file, "resource") == {}


def test_every_skip_has_its_reason() -> None:
    reasons = [reason for file in MODULES for _, reason in SKIP.findall(file.read_text("utf-8"))]
    assert reasons
    assert all(len(reason) > 30 for reason in reasons)


def test_without_skips_what_fails_is_what_they_skip(tmp_path: Path) -> None:
    written = {
        (file.name, check) for file in MODULES for check, _ in SKIP.findall(file.read_text("utf-8"))
    }
    without_skips = copied(tmp_path, lambda text: SKIP.sub("", text))
    failed = scanned(without_skips)["results"]["failed_checks"]
    assert {(Path(each["file_path"]).name, each["check_id"]) for each in failed} == written
