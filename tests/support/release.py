"""The last release before this tree: which commit it is, and its files."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "SCIM_RELEASE"
"""Names a commit or a tag that is to stand for the last release."""

_HOW = (
    "fetch it: git fetch --tags --deepen 1, or with all of the history: git fetch --tags "
    f"--unshallow; or name another commit by {VARIABLE}"
)


def last_release(root: Path, named: str | None = None) -> str:
    """Return the commit of the last release before HEAD, or that of the one that is named.

    That is the newest tag `v<number>` among the ancestors of HEAD; as long as there is none, the
    commit before HEAD. Without a repository, or in a shallow clone that ends at HEAD, there is
    nothing to run and the test is skipped; where a commit that is named is missing, it fails.
    """
    if not (root / ".git").exists():
        pytest.skip("there is no repository, so no release before this tree: it is a package")
    if named is not None:
        return _commit(root, named) or _missing(f"{VARIABLE}={named} is no commit of this clone")
    tag = _git(root, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD^")
    found = _commit(root, tag or "HEAD^")
    if found is None and _git(root, "rev-parse", "--is-shallow-repository") != "true":
        pytest.skip("HEAD is the first commit of its repository: there is no release before it")
    if found is None:
        pytest.skip(f"the commit before HEAD is not in this clone, which is shallow: {_HOW}")
    return found


def unpack(root: Path, commit: str, folder: Path) -> Path:
    """Write the files of a commit into a folder, and return it."""
    packed = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=root, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _missing(what: str) -> str:
    pytest.fail(f"{what}: {_HOW}", pytrace=False)


def _commit(root: Path, name: str) -> str | None:
    return _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git says, None where it fails."""
    run = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return run.stdout.strip() if run.returncode == 0 else None
