"""A product in Node.js that has the client library from its package, as `npm pack` makes it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[3] / "clients" / "typescript"
TOOLS = LIBRARY / "node_modules"
COMPILER_OPTIONS = [
    *("--strict", "--target", "es2022", "--module", "nodenext"),
    *("--types", "node", "--typeRoots", str(TOOLS / "@types")),
]


@dataclass(frozen=True, slots=True)
class Product:
    """A project of npm that has the library as its only dependency.

    Attributes:
        folder: Where it lies.
        archive: The package that was installed.
    """

    folder: Path
    archive: Path
    environ: Mapping[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})

    def run(self, *command: str) -> str:
        """Runs a command that must succeed, and returns what it prints."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def compile(self, *files: str) -> None:
        """Compiles files of TypeScript beside themselves."""
        self.run(str(TOOLS / ".bin" / "tsc"), *COMPILER_OPTIONS, *files)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """The library is packed from a copy, so that nothing is left in the folder of its source."""
    copy = tmp_path_factory.mktemp("library") / "typescript"
    shutil.copytree(LIBRARY, copy, ignore=shutil.ignore_patterns("node_modules", "build", "dist"))
    (copy / "node_modules").symlink_to(TOOLS)
    folder = tmp_path_factory.mktemp("product")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "npm_config_offline": "true"}
    environ |= {"npm_config_audit": "false", "npm_config_update_notifier": "false"}
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    packing = Product(copy, copy)
    packing.run("npm", "pack", "--silent")
    (archive,) = copy.glob("*.tgz")
    installed = Product(folder, archive, environ)
    installed.run("npm", "install", "--silent", str(archive))
    return installed
