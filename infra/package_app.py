#!/usr/bin/env python3
"""Packs what the app needs in Azure into a zip: `package_app.py app.zip`.

The upload of `az functionapp deployment source config-zip` does not read `.funcignore`, so the list
is made here; a test holds the two against each other. Python packs because it is needed anyway and
is the same everywhere, which `zip` is not. The same code gives the same bytes, so that the digest
which is printed names a release.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = ("function_app.py", "endpoints.py", "host.json", "requirements.txt")
FOLDERS = ("scim_*", "health", "background", "shared")
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_REGULAR_READABLE = 0o100644


def contents(root: Path) -> list[str]:
    """Return the paths of the files that the app needs, relative to the root, in order.

    Raises:
        FileNotFoundError: One of those without which there is no app is missing.
    """
    for name in FILES:
        if not (root / name).is_file():
            raise FileNotFoundError(f"{root / name} is missing")
    folders = [folder for pattern in FOLDERS for folder in root.glob(pattern) if folder.is_dir()]
    found = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    inside = (file.relative_to(root) for file in found)
    return sorted([*FILES, *(path.as_posix() for path in inside if not _is_left_behind(path))])


def pack(root: Path, target: Path) -> str:
    """Write the zip, and return what it is in a few words."""
    paths = contents(root)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path, _EARLIEST)
            entry.external_attr = _REGULAR_READABLE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (root / path).read_bytes())
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return f"{len(paths)} files, package {digest[:12]}"


def _is_left_behind(path: Path) -> bool:
    """Tell whether a file is there because somebody worked here: caches, and hidden files."""
    return path.suffix == ".pyc" or any(
        part == "__pycache__" or part.startswith(".") for part in path.parts
    )


def main() -> int:
    """Pack this project into the file that the command line names."""
    try:
        print(pack(ROOT, Path(sys.argv[1])))
    except OSError as error:
        print(f"error: the code could not be packed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
