"""What is deployed: files, packages and host settings, and what the README says of them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from shared.settings import Settings, SettingsError, describe
from tests.support.dependency_groups import GROUPS, requirements
from tests.support.deployed import MODULES, PACKAGES
from tests.support.funcignore import is_kept_back

ROOT = Path(__file__).parents[2]
PYTHONS = ["3.11", "3.12", "3.13"]
OF_PYTHON = [f"{module}.py" for module in MODULES]
DEPLOYED = {*OF_PYTHON, "host.json", "requirements.txt", *PACKAGES}

PROVIDERS = {
    "azure.functions": "azure-functions",
    "azure.data": "azure-data-tables",
    "azure.identity": "azure-identity",
    "azure.keyvault": "azure-keyvault-secrets",
    "azure.core": "azure-core",
    "aiohttp": "aiohttp",
    "pydantic": "pydantic",
    "pydantic_core": "pydantic",  # its own, of the version that it names
    "jinja2": "Jinja2",
    "opentelemetry": "opentelemetry-sdk",
    "jwt": "PyJWT",
    "cryptography": "cryptography",
}
"""The package of each namespace that the deployed code imports from outside."""

NEVER_COMMITTED = [
    ".venv/bin/python",
    ".venv-3.11/pyvenv.cfg",
    "node_modules/azurite/package.json",
    ".data/__azurite_db_table__.json",
    "__azurite_db_table__.json",
    "local.settings.json",
    ".coverage.host.1",
    ".pytest_cache/README",
    ".hypothesis/examples/1",
    "shared/__pycache__/tenants.pyc",
    ".vscode/settings.json",
    "infra/main.bicep",
    "clients/typescript/node_modules/typescript/package.json",
    "benchmarks/peers/scimmy/node_modules/scimmy/package.json",
    ".venv-infra/bin/checkov",
    ".git/config",
    "app.zip",
    "people.csv",
    "token.txt",
]


WITH_THE_APP = {"dev", "local", "bench"}
"""Groups that the Makefile installs together with the packages of the app."""


def on(python: str, lines: list[str]) -> list[Requirement]:
    """Return what requirements ask for on a version of Python."""
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    listed = map(Requirement, lines)
    return [each for each in listed if not each.marker or each.marker.evaluate(environment)]


def deployed(python: str = "3.13") -> list[Requirement]:
    """Return what the app asks for."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    return on(python, [line for line in lines if not line.startswith("#")])


def installed(group: str, python: str) -> list[Requirement]:
    """Return what the Makefile installs for a group."""
    with_it = deployed(python) if group in WITH_THE_APP else []
    return [*with_it, *on(python, requirements(group))]


def imported_by_the_app() -> set[str]:
    """Return the names that the deployed code imports and neither we nor Python provide."""
    files = [ROOT / name for name in OF_PYTHON]
    files += [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    names: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
    return {
        name
        for name in names
        if name.partition(".")[0] not in {*sys.stdlib_module_names, *MODULES, *PACKAGES}
    }


def package_of(name: str) -> str:
    """Return the package that provides a module; a KeyError is one that was not thought of."""
    depth = 2 if name.startswith("azure.") else 1
    return PROVIDERS[".".join(name.split(".")[:depth])]


def host() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / "host.json").read_text("utf-8"))
    return read


def test_the_packages_are_those_that_the_app_imports() -> None:
    needed = set(map(package_of, imported_by_the_app())) - {"azure-core"}  # of the SDKs
    optional = {each.name for each in on("3.13", requirements("telemetry"))}
    assert {each.name for each in deployed()} == needed - optional
    assert needed & optional == {"opentelemetry-sdk"}
    of_tables = [Requirement(each).name for each in requires("azure-data-tables") or ()]
    assert "azure-core" in of_tables


def test_the_architecture_gives_a_reason_for_each_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = text.partition("\n## Dependencies\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    assert set(rows[1:]) == {each.name for each in deployed()}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("group", GROUPS)
def test_every_package_is_pinned_once_on_every_python(group: str, python: str) -> None:
    pins = installed(group, python)
    assert all([each.operator for each in pin.specifier] == ["=="] for pin in pins)
    names = [pin.name for pin in pins]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("python", "major"), [("3.11", "1"), ("3.12", "1"), ("3.13", "2")])
def test_the_functions_library_is_that_of_the_worker(python: str, major: str) -> None:
    (library,) = (each for each in deployed(python) if "functions" in each.name)
    assert str(library.specifier).startswith(f"=={major}.")


def test_the_makefile_installs_the_groups_that_there_are() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    together = set(re.findall(r"-r requirements\.txt --group (\w+)", makefile))
    apart = set(re.findall(r"(?:\.venv-([\w-]+)/\.ready|--group ([\w-]+))", makefile))
    apart = {name for names in apart for name in names if name}
    included = {line["include-group"] for line in GROUPS["dev"]}
    assert together | apart | included == set(GROUPS)
    assert together | {"bench"} == WITH_THE_APP


def test_what_is_installed_is_what_is_pinned() -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    pins = installed("dev", python)
    wrong = [str(pin) for pin in pins if not pin.specifier.contains(version(pin.name))]
    assert wrong == []


def test_what_goes_out_is_the_app_and_no_more() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no clone, so there is no list of the files of the project")
    out = {Path(file).parts[0] for file in listed.stdout.splitlines() if not is_kept_back(file)}
    # Schemas of a deployer's own lie in a folder that goes out with the app (docs/extending.md).
    assert out - {"scim_schemas"} == DEPLOYED
    assert not is_kept_back("scim_schemas/device.json")


@pytest.mark.parametrize("path", NEVER_COMMITTED)
def test_what_work_leaves_behind_stays_here(path: str) -> None:
    assert is_kept_back(path)


def test_the_host_logs_what_queries_read_and_little_else() -> None:
    """Without `default` it passes Information and above of its own categories, and no others."""
    levels = host()["logging"]["logLevel"]
    assert "default" not in levels
    read = ["Function.patch_user.User", "Host.Function.Console", "Host.Results"]
    assert not [name for level in levels for name in read if name.startswith(level)]


def test_routes_begin_at_the_root_of_the_host() -> None:
    assert host()["version"] == "2.0"
    assert host()["extensions"]["http"]["routePrefix"] == ""


def test_the_host_refuses_by_number_alone_and_not_by_counters_of_its_machine() -> None:
    http = host()["extensions"]["http"]
    assert http["dynamicThrottlesEnabled"] is False
    assert 0 < http["maxConcurrentRequests"] < http["maxOutstandingRequests"]


def test_the_host_logs_no_names_of_the_sdks_and_keeps_every_request() -> None:
    logging = host()["logging"]
    assert logging["logLevel"]["Azure.Core"] == "Warning"
    sampling = logging["applicationInsights"]["samplingSettings"]
    assert sampling["excludedTypes"] == "Request;Exception"


def test_the_host_tells_no_query_string_because_filters_hold_names() -> None:
    logging = host()["logging"]
    assert logging["applicationInsights"]["enableQueryStringTracing"] is False
    assert logging["logLevel"]["Microsoft.AspNetCore.Hosting.Diagnostics"] == "None"
    # In this mode the host would send what OpenTelemetry's instrumentation of ASP.NET makes of it.
    assert "telemetryMode" not in host()


def test_a_request_is_given_up_before_the_host_ends_its_function() -> None:
    hours, minutes, seconds = map(int, host()["functionTimeout"].split(":"))
    timeout = 3_600 * hours + 60 * minutes + seconds
    settings = {"TABLE_ENDPOINT": "https://account.table.core.windows.net"}
    longest = {**settings, "SCIM_REQUEST_DEADLINE_SECONDS": str(timeout - 5)}
    assert Settings.from_environment(longest).request_deadline_seconds < timeout
    with pytest.raises(SettingsError):
        Settings.from_environment({**settings, "SCIM_REQUEST_DEADLINE_SECONDS": str(timeout)})


def test_the_readme_describes_every_setting_as_the_code_does() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{setting.name}` | {f'`{setting.default}`' if setting.default else ''} |"
        f" {setting.description} |"
        for setting in describe()
    ]
