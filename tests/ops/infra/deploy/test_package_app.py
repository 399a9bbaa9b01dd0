"""infra/package_app.py: a package that Azure runs as it is, whatever lies around it.

The whole one is made once, from the lock. The others hold one small package beside the app.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from benchmarks import runtime_library
from infra.package_app import (
    FILES,
    LICENSES,
    LOCKS,
    PLATFORMS,
    RUNTIME,
    SITE_PACKAGES,
    compile_all,
    contents,
    is_runtime,
)
from tests.ops.test_packaging import deployed
from tests.support.dependency_groups import requirements
from tests.support.deployed import PACKAGES
from tests.support.funcignore import is_kept_back

if TYPE_CHECKING:
    from local.azurite import Azurite

ROOT = Path(__file__).parents[4]
SCRIPT = Path("infra/package_app.py")
INSTALLED = [
    "_cffi_backend.cpython-313-x86_64-linux-gnu.so",
    *("aiohappyeyeballs", "aiohttp", "aiosignal", "annotated_types", "attr", "attrs", "azure"),
    *("certifi", "cffi", "charset_normalizer", "cryptography", "frozenlist", "idna", "isodate"),
    *(
        "jinja2",
        "jwt",
        "markupsafe",
        "msal",
        "msal_extensions",
        "multidict",
        "propcache",
        "pycparser",
    ),
    *("pydantic", "pydantic_core", "requests", "typing_extensions.py", "typing_inspection"),
    *("urllib3", "werkzeug", "yarl"),
]
"""What the packages of requirements.txt bring, by top-level name."""

MEGABYTES = 20
"""More than the package has; an instance loads it before it starts."""

UNCHECKED = 0b01
"""The flags of a compiled module that is taken whatever its source is (PEP 552)."""

CONFORMANCE = [
    "tests/spec/rfc/test_rfc7644_3_3_create.py",
    "tests/spec/rfc/test_rfc7644_3_4_2_query.py",
    "tests/spec/rfc/test_rfc7644_3_5_2_patch.py",
    "tests/spec/rfc/test_rfc7644_4_discovery.py",
]
"""Of the suite what uses most of the packages."""

only_on_the_runtime = pytest.mark.skipif(
    not is_runtime(), reason="the packages are compiled for the Python of the runtime"
)


def pack(root: Path, target: Path, *options: str, python: str = sys.executable) -> str:
    """Run the command; return what it says."""
    done = subprocess.run(
        [python, "-I", str(root / SCRIPT), str(target), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def locked(*, telemetry: bool = False) -> dict[str, tuple[str, str]]:
    """Return the version and the wheel of each package of a lock."""
    text = (ROOT / "infra" / LOCKS[telemetry]).read_text("utf-8")
    lines = re.findall(r"# (\S+\.whl)\n([\w.-]+)==(\S+) --hash=sha256:[0-9a-f]{64}\n", text)
    assert len(lines) == text.count("==") == text.count("--hash")
    return {canonicalize_name(name): (version, wheel) for wheel, name, version in lines}


@dataclass(frozen=True, slots=True)
class Package:
    """The whole package: what the command said, the file, and where it is unpacked, read-only."""

    said: str
    file: Path
    folder: Path

    @property
    def state(self) -> dict[str, int]:
        """When each file and folder was changed last."""
        return {str(path): path.stat().st_mtime_ns for path in sorted(self.folder.rglob("*"))}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package of this project."""
    folder = tmp_path_factory.mktemp("package")
    said = pack(ROOT, folder / "app.zip")
    with zipfile.ZipFile(folder / "app.zip") as archive:
        archive.extractall(folder / "app")
    for path in (folder / "app").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return Package(said, folder / "app.zip", folder / "app")


def committed() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no clone, so there is no list of the files of the project")
    return listed.stdout.splitlines()


def test_of_ours_it_is_what_funcignore_lets_through() -> None:
    let_through = [file for file in committed() if not is_kept_back(file)]
    ours = set(contents(ROOT)) & set(committed())
    assert sorted({*ours, "requirements.txt"}) == sorted(let_through)


LITTER = [
    ".git/config",
    ".venv/bin/python",
    ".coverage",
    ".coverage.host.1",
    ".env",
    "package.json",
    "node_modules/azurite/package.json",
    "local.settings.json",
    "__pycache__/function_app.cpython-313.pyc",
    "shared/__pycache__/tenants.cpython-313.pyc",
    "shared/scim/.DS_Store",
    "scim_users/old.pyc",
    "docs/examples/device.json",
]


def littered(clone: Path, folder: Path) -> Path:
    """A copy of the project after work, with schemas of a deployer's own."""
    copied = shutil.copytree(clone, folder / "littered")
    for name in [*LITTER, "scim_schemas/device.json"]:
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        (copied / name).touch()
    return copied


def test_core_tools_pack_the_same_files(clone: Path, tmp_path: Path) -> None:
    root = littered(clone, tmp_path)
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert files >= {*LITTER}
    assert sorted(name for name in files if not is_kept_back(name)) == contents(root)


def test_azd_packs_the_same_files(clone: Path, tmp_path: Path) -> None:
    """It reads the patterns as git does."""
    root = littered(clone, tmp_path)
    shutil.rmtree(root / ".git")
    listed = [*("git", "--git-dir", str(tmp_path / "git"), "--work-tree", str(root))]
    subprocess.run([*listed, "init", "--quiet"], cwd=root, check=True)
    left = subprocess.run(
        [*listed, "ls-files", "--others", f"--exclude-from={ROOT / '.funcignore'}"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(left.stdout.splitlines()) == contents(root)


def test_what_work_leaves_behind_is_not_in_it(clone: Path) -> None:
    inside = set(contents(clone))
    assert {name for name in inside if is_kept_back(name)} == set()
    assert "scim_users/.DS_Store" not in inside
    assert not {name for name in inside if name.startswith("tests/")}


def test_the_app_is_in_it_as_it_is(package: Package) -> None:
    for path in contents(ROOT):
        assert (package.folder / path).read_bytes() == (ROOT / path).read_bytes()
    tops = {path.name for path in package.folder.iterdir()}
    compiled = {"__pycache__"} if is_runtime() else set()
    added = {".python_packages", "requirements.txt", "requirements.lock"}
    assert tops == {*FILES, *PACKAGES, *added, *compiled}


def test_nothing_is_left_to_install_and_the_lock_says_what_is_there(package: Package) -> None:
    lines = (package.folder / "requirements.txt").read_text().splitlines()
    assert lines
    assert all(line.startswith("#") for line in lines)
    lock = (package.folder / "requirements.lock").read_bytes()
    assert lock == (ROOT / "infra" / "requirements.lock").read_bytes()


def test_the_packages_are_those_of_the_lock_and_no_more(package: Package) -> None:
    tops = {path.name for path in (package.folder / SITE_PACKAGES).iterdir()}
    assert sorted(tops - {"__pycache__"}) == INSTALLED
    with_texts = {canonicalize_name(each.name) for each in (package.folder / LICENSES).iterdir()}
    assert with_texts <= locked().keys()
    assert len(with_texts) > len(locked()) * 0.9


def test_nothing_is_in_it_that_azure_does_not_run(package: Package) -> None:
    with zipfile.ZipFile(package.file) as archive:
        names = archive.namelist()
    packages = [name for name in names if name.startswith(SITE_PACKAGES)]
    not_run = r"\.(pyi|pyx|pxd|pxi|c|h)$|/py\.typed$|/(bin|tests?)/|\.dist-info/"
    assert [name for name in packages if re.search(not_run, name)] == []


def test_it_is_small_enough_to_start_soon(package: Package) -> None:
    assert package.file.stat().st_size < MEGABYTES * 1_000_000
    assert re.fullmatch(r"[\d,]+ files, \d+\.\d MB, package [0-9a-f]{12}", package.said)


@only_on_the_runtime
def test_every_module_is_compiled_and_taken_whatever_its_times_are(package: Package) -> None:
    for module in package.folder.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(module))).read_bytes()
        assert compiled[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(compiled[4:8], "little") == UNCHECKED, module
        assert compiled[8:16] == importlib.util.source_hash(module.read_bytes())


def test_an_entry_tells_nothing_of_the_machine_that_packed_it(package: Package) -> None:
    with zipfile.ZipFile(package.file) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert {entry.create_system for entry in entries} == {3}


@only_on_the_runtime
def test_the_same_code_gives_the_same_package_elsewhere(clone: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(clone, tmp_path / "copy")
    for file in copied.rglob("*.py"):
        file.chmod(0o600)
        os.utime(file, (1_000_000_001, 1_000_000_001))
    told = [pack(root, tmp_path / f"{root.name}.zip") for root in (clone, copied)]
    assert told[0] == told[1]
    (copied / "function_app.py").write_text("changed = True")
    assert pack(copied, tmp_path / "changed.zip") != told[0]


@only_on_the_runtime
def test_what_was_compiled_before_makes_no_difference(tmp_path: Path) -> None:
    """Strings that are interned already are those of modules that this process has loaded."""
    module = (
        "def a(fruit):\n    return fruit in {'quince', 'medlar'}\n"
        "def b(fruit):\n    return fruit == 'quince' or fruit in {'quince', 'medlar'}\n"
    )
    compiled: list[bytes] = []
    interned: list[str] = []
    for folder in (tmp_path / "before", tmp_path / "after"):
        folder.mkdir()
        (folder / "fruits.py").write_text(module)
        compile_all(folder)
        compiled.append((folder / "__pycache__/fruits.cpython-313.pyc").read_bytes())
        interned += map(sys.intern, re.findall(r"'(\w+)'", module))
    assert compiled[0] == compiled[1]


def test_a_folder_is_written_for_what_zips_by_itself(clone: Path, tmp_path: Path) -> None:
    target = tmp_path / "package"
    for _ in range(2):  # the second time it takes the place of the first
        assert pack(clone, target).endswith(f" files in {target}")
    assert sorted(path.name for path in target.iterdir() if path.suffix == ".py") == [
        "endpoints.py",
        "function_app.py",
    ]
    assert not [path for path in target.rglob("*") if path.stat().st_mode & stat.S_IWOTH]


def test_a_folder_that_holds_something_else_is_left_alone(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    done = subprocess.run(
        [sys.executable, "-I", str(clone / SCRIPT), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "exists and holds no package: name another folder" in done.stderr
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize("name", FILES)
def test_without_a_file_that_makes_it_an_app_nothing_is_packed(
    clone: Path, tmp_path: Path, name: str
) -> None:
    copied = shutil.copytree(clone, tmp_path / "copy")
    (copied / name).unlink()
    done = subprocess.run(
        [sys.executable, "-I", str(copied / SCRIPT), "app.zip"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: the app could not be packed: {copied / name} is missing\n"
    assert not (tmp_path / "app.zip").exists()


def test_a_python_that_cannot_compile_for_the_runtime_says_what_that_costs(
    clone: Path, tmp_path: Path
) -> None:
    copied = shutil.copytree(clone, tmp_path / "copy")
    script = copied / SCRIPT
    script.write_text(script.read_text().replace(f"RUNTIME = {RUNTIME}", "RUNTIME = (3, 99)"))
    for lock in LOCKS.values():
        (copied / "infra" / lock).write_text("")
    done = subprocess.run(
        [sys.executable, "-I", str(script), "app.zip"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert "no Python 3.99 here to compile the package" in warning
    assert "Install it, or uv, or deploy the package of the workflow" in warning
    with zipfile.ZipFile(tmp_path / "app.zip") as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pyc")]


@pytest.mark.parametrize("telemetry", [False, True])
def test_the_lock_holds_what_requirements_ask_for(telemetry: bool) -> None:
    asked = [*deployed(), *(map(Requirement, requirements("telemetry")) if telemetry else ())]
    wheels = locked(telemetry=telemetry)
    wrong = [
        str(each)
        for each in asked
        if not each.specifier.contains(wheels[canonicalize_name(each.name)][0], prereleases=True)
    ]
    assert wrong == [], "run `make lock`"


@pytest.mark.parametrize("telemetry", [False, True])
def test_every_locked_wheel_runs_on_the_image_of_the_runtime(telemetry: bool) -> None:
    pythons = {"py3", "py2.py3", f"cp{RUNTIME[0]}{RUNTIME[1]}"}
    for _, wheel in locked(telemetry=telemetry).values():
        tags = parse_wheel_filename(wheel)[3]
        platforms = {tag.platform for tag in tags}
        assert platforms & {"any", *PLATFORMS}, wheel
        assert {tag.abi for tag in tags} <= {"none", "abi3", f"cp{RUNTIME[0]}{RUNTIME[1]}"}, wheel
        assert any(tag.interpreter in pythons or tag.abi == "abi3" for tag in tags), wheel


def test_the_runtime_is_that_of_the_template() -> None:
    template = (ROOT / "infra" / "modules" / "app.bicep").read_text("utf-8")
    (version,) = re.findall(r"version: '(\d+\.\d+)'", template)
    assert tuple(map(int, version.split("."))) == RUNTIME


async def exchanged(process: asyncio.subprocess.Process, line: str = "") -> Any:
    """Send a line, if there is one, and return the next answer of a worker."""
    assert process.stdin is not None
    assert process.stdout is not None
    if line:
        process.stdin.write(f"{line}\n".encode())
    async with asyncio.timeout(60):
        return json.loads(await process.stdout.readline())


@only_on_the_runtime
async def test_the_library_of_the_runtime_runs_it_read_only_with_its_own_packages_alone(
    package: Package, storage: Azurite, tmp_path: Path
) -> None:
    before = package.state
    paths = [package.folder / SITE_PACKAGES, runtime_library.alone(tmp_path)]
    environ = {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "TABLE_CONNECTION_STRING": storage.connection_string,
        "TABLE_NAME": "package",
        "SCIM_SECRET_TOKEN": "the-token-of-the-package",
    }
    worker = ROOT / "tests/support/fakes/worker.py"
    # -S: the packages of this environment are out of reach.
    command = [sys.executable, "-S", "-P", str(worker), str(package.folder)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=package.folder, env=environ, stdin=PIPE, stdout=PIPE, limit=2**24
    )
    call = {
        "function": "users",
        "invocation_id": "1",
        "url": "https://scim.example.com/scim/v2/Users",
        "headers": {"authorization": "Bearer the-token-of-the-package"},
    }
    body = json.dumps({"userName": "ana@contoso.test"})
    try:
        index = await exchanged(process)
        created = await exchanged(process, json.dumps({**call, "method": "POST", "body": body}))
        listed = await exchanged(process, json.dumps({**call, "method": "GET", "body": ""}))
    finally:
        process.terminate()
        await process.wait()
    assert len(index["bindings"]) > 30
    assert created["status"] == 201, created
    assert json.loads(listed["body"])["Resources"] == [json.loads(created["body"])]
    assert package.state == before


@only_on_the_runtime
def test_it_conforms(package: Package, tmp_path: Path) -> None:
    before = package.state
    for path in package.folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    # The host of this machine reads its settings beside the app.
    shutil.copy(ROOT / "local.settings.sample.json", tmp_path)
    environ = {
        **os.environ,
        "SCIM_APP_FOLDER": str(tmp_path),
        "PYTHONPATH": str(package.folder / SITE_PACKAGES),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CONFORMANCE],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert package.state == before
