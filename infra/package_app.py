#!/usr/bin/env python3
"""Makes the package that Azure runs as it is: `package_app.py app.zip`.

The package holds the app, the packages that it needs as `requirements.lock` names them by their
hashes, for Linux and the Python of the runtime, and all of it compiled by that Python. So nothing
is built in Azure, and nothing is compiled when an instance starts.

Any system and any Python from 3.9 on can make it. The Python of the runtime takes over where there
is one, because no other can compile for it. The same code and lock give the same bytes there, so
that the digest which is printed names a release.
"""

from __future__ import annotations

import argparse
import hashlib
import marshal
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
FILES = ("function_app.py", "endpoints.py", "host.json")
FOLDERS = (
    "scim_*",
    "health",
    "vendor_api",
    "token_endpoint",
    "portal",
    "background",
    "shared",
)

RUNTIME = (3, 13)
"""The Python of the function app, as infra/modules/app.bicep asks for it."""

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
"""What the runtime's image runs: x86-64, glibc 2.28 and more (docs/infrastructure.md)."""

SITE_PACKAGES = ".python_packages/lib/site-packages"
"""Where the worker looks for packages."""

LICENSES = ".python_packages/licenses"

LOCKS = {False: "requirements.lock", True: "requirements-telemetry.lock"}
"""The lock, without and with the packages of telemetry; infra/lock_packages.py writes it."""

WITH_METADATA = ("opentelemetry", "azure_monitor_opentelemetry_exporter")
"""Begins of the names of packages whose metadata are read: for versions and entry points."""

REQUIREMENTS = f"""\
# Names nothing, so that a build on the way to Azure changes nothing: the packages are in
# {SITE_PACKAGES}, and requirements.lock lists them.
"""

_NOT_RUN = {".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".pyc"}
_NOT_RUN_FOLDERS = {"bin", "test", "tests", "__pycache__"}
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_REGULAR_READABLE = 0o100644
_HEADER_BYTES = 16  # of a compiled module (PEP 552)


class PackingError(Exception):
    """The package cannot be made; the message says why, and what to do."""


def contents(root: Path) -> list[str]:
    """Return the paths of the files of ours that the app needs, relative to the root, in order.

    Raises:
        PackingError: One of those without which there is no app is missing.
    """
    for name in FILES:
        if not (root / name).is_file():
            raise PackingError(f"{root / name} is missing")
    folders = [folder for pattern in FOLDERS for folder in root.glob(pattern) if folder.is_dir()]
    found = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    inside = (file.relative_to(root) for file in found)
    return sorted([*FILES, *(path.as_posix() for path in inside if not _is_left_behind(path))])


def pack(root: Path, target: Path, *, telemetry: bool = False) -> str:
    """Write the package, and return what it is in a few words.

    Args:
        root: The project.
        target: A name that ends in .zip is a file; any other is a folder, which is replaced.
        telemetry: Whether the packages that `SCIM_TELEMETRY=on` needs go with it.

    Raises:
        PackingError: The package cannot be made.
    """
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "package"
        for path in contents(root):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, folder / path)
        shutil.copyfile(root / "infra" / LOCKS[telemetry], folder / LOCKS[False])
        (folder / "requirements.txt").write_bytes(REQUIREMENTS.encode())
        install(folder / LOCKS[False], folder / SITE_PACKAGES)
        prune(folder / SITE_PACKAGES, folder / LICENSES)
        if is_runtime():
            compile_all(folder)
        if target.suffix != ".zip":
            return _replace(target, folder)
        return _zip(folder, target)


def install(lock: Path, folder: Path) -> None:
    """Install what a lock names into a folder: for the runtime, whatever runs this.

    Raises:
        PackingError: There is no pip, or it fails.
    """
    command = [*_pip(), "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    # pip evaluates markers of the system that it runs on, so the lock alone says what is needed.
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"]
    command += ["--implementation", "cp", "--python-version", _dotted(RUNTIME)]
    command += [part for each in PLATFORMS for part in ("--platform", each)]
    command += ["--target", str(folder), "--requirement", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        said = " ".join(errors or done.stderr.splitlines()[-1:])
        raise PackingError(f"pip could not install {lock.name}: {said or 'it said nothing'}")


def prune(site_packages: Path, licenses: Path) -> None:
    """Remove what nothing reads in Azure from installed packages; keep the texts of licenses."""
    for metadata in site_packages.glob("*.dist-info"):
        name = metadata.name.partition("-")[0]
        _keep_licenses(metadata, licenses / name)
        for file in list(metadata.rglob("*")):
            is_read = name.startswith(WITH_METADATA)
            if file.is_file() and not (is_read and file.name in {"METADATA", "entry_points.txt"}):
                file.unlink()
    for file in list(site_packages.rglob("*")):
        folders = file.relative_to(site_packages).parts[:-1]
        is_not_run = file.suffix in _NOT_RUN or file.name == "py.typed"
        if file.is_file() and (is_not_run or _NOT_RUN_FOLDERS & set(folders)):
            file.unlink()


def compile_all(folder: Path) -> None:
    """Compile every module for this Python.

    The compiled modules hold no time of their source, which a zip rounds and an upload may change:
    Python takes them as they are (PEP 552, unchecked).

    Raises:
        PackingError: A module is no Python.
    """
    modules = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.py"))
    with ProcessPoolExecutor() as pool:
        faults = list(pool.map(_compile, [str(folder)] * len(modules), modules, chunksize=16))
    if any(faults):
        raise PackingError(f"not every module can be compiled: {next(filter(None, faults))}")


def is_runtime() -> bool:
    """Tell whether this Python is that of the runtime."""
    return sys.implementation.cache_tag == "cpython-{}{}".format(*RUNTIME)


def find_runtime() -> str | None:
    """Return the path of a Python of the runtime's version; None if there is none.

    It is that of the variable PYTHON, one on PATH, or one that pyenv or uv keeps.
    """
    version = _dotted(RUNTIME)
    commands = [[os.environ[name]] for name in ("PYTHON",) if os.environ.get(name)]
    commands += [[f"python{version}"], ["python3"], ["py", f"-{version}"]]
    pyenv = Path(_output(["pyenv", "root"]) or "/nowhere")
    commands += [[str(each)] for each in sorted(pyenv.glob(f"versions/{version}*/bin/python"))]
    commands += [[uv] for uv in [_output(["uv", "python", "find", version])] if uv]
    # A shim is on PATH for versions that it then refuses to run: each has to prove itself.
    shown = "import sys; print(sys.implementation.cache_tag, sys.executable)"
    for command in commands:
        tag, _, path = _output([*command, "-I", "-c", shown]).partition(" ")
        if tag == "cpython-{}{}".format(*RUNTIME):
            return path
    return None


def _is_left_behind(path: Path) -> bool:
    """Tell whether a file is there because somebody worked here: caches, and hidden files."""
    return path.suffix == ".pyc" or any(
        part == "__pycache__" or part.startswith(".") for part in path.parts
    )


def _keep_licenses(metadata: Path, folder: Path) -> None:
    for file in sorted(metadata.rglob("*")):
        if file.is_file() and ("licenses" in file.parts or file.name.startswith("LICENSE")):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / file.name)


def _compile(folder: str, module: str) -> str:
    """Compile a module; return why that failed, "" if it did not.

    Whether constants are shared depends on which strings are interned, and so on what this process
    compiled before. Of a module that is loaded, all are: it is compiled again beside itself.
    """
    file = Path(folder, module)
    try:
        compiled = _compile_once(file, module)
        loaded = marshal.loads(compiled.read_bytes()[_HEADER_BYTES:])  # noqa: S302 - just written
        _compile_once(file, module)
        del loaded
    except (py_compile.PyCompileError, OSError) as fault:
        return " ".join(str(fault).split())
    return ""


def _compile_once(file: Path, module: str) -> Path:
    # The name that is compiled in is that in the package, from wherever it is packed.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    return Path(
        py_compile.compile(str(file), dfile=module, doraise=True, invalidation_mode=mode) or ""
    )


def _replace(target: Path, folder: Path) -> str:
    """Put the package in the place of a folder; not of one that is none of ours."""
    if target.exists() and not (target / "host.json").is_file():
        raise PackingError(f"{target} exists and holds no package: name another folder")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, copy_function=shutil.copyfile)
    return f"{len(_files(target)):,} files in {target}"


def _zip(folder: Path, target: Path) -> str:
    files = _files(folder)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path, _EARLIEST)
            entry.create_system = 3  # Unix, on every system
            entry.external_attr = _REGULAR_READABLE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (folder / path).read_bytes())
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    size = target.stat().st_size / 1_000_000
    return f"{len(files):,} files, {size:.1f} MB, package {digest[:12]}"


def _files(folder: Path) -> list[str]:
    return sorted(
        file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
    )


def _pip() -> list[str]:
    for python in (sys.executable, "python3", "python"):
        command = [python, "-I", "-m", "pip"]
        if _output([*command, "--version"]):
            return command
    raise PackingError("no Python here has pip: install it (python3-pip on Debian)")


def _output(command: list[str]) -> str:
    """Return the first line that a command prints; "" if it fails or is not there."""
    with suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.partition("\n")[0].strip()
    return ""


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the package that Azure runs as it is.")
    parser.add_argument("target", type=Path, help="a .zip, or a folder for what zips by itself")
    parser.add_argument(
        "--telemetry", action="store_true", help="with the packages that SCIM_TELEMETRY=on needs"
    )
    return parser.parse_args()


def main() -> int:
    """Pack this project into what the command line names."""
    options = _parse()
    runtime = None if is_runtime() else find_runtime()
    if runtime:
        return subprocess.call([runtime, "-I", __file__, *sys.argv[1:]])
    try:
        said = pack(ROOT, options.target, telemetry=options.telemetry)
    except (OSError, PackingError) as error:
        print(f"error: the app could not be packed: {error}", file=sys.stderr)
        return 1
    if not is_runtime():
        print(
            f"warning: there is no Python {_dotted(RUNTIME)} here to compile the package: each"
            " start of an instance takes over a second of CPU more. Install it, or uv, or deploy"
            " the package of the workflow Deploy (docs/infrastructure.md)",
            file=sys.stderr,
        )
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
