"""What runs in a folder: a file for each run of the service, by which the tools find its storage.

The files are in `.data/runs`. Each is locked for as long as its run lives, so that one that was
left behind by a run that was killed is known as such, whatever has its process id since.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TextIO

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run of the service.

    Attributes:
        pid: Its process.
        tenant_url: The SCIM root of its tenant `default`.
        storage: What reaches its Azurite, as TABLE_CONNECTION_STRING takes it; None where its
            settings name another storage, whose key is not for this file.
        is_ephemeral: Whether that storage is in memory, and gone with the run.
        table: TABLE_NAME.
        tenants: Whose tokens it has.
    """

    pid: int
    tenant_url: str
    storage: str | None
    is_ephemeral: bool
    table: str
    tenants: tuple[str, ...]


@contextmanager
def recorded(root: Path, run: RunRecord) -> Iterator[None]:
    """Keep the file of a run until the block ends, and clear up after runs that were killed.

    Raises:
        LocalError: It cannot be written.
    """
    path = _folder(root) / f"{run.pid}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear(path.parent)
        file = _write(path, run)
    except OSError as error:
        raise LocalError(f"{path} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _write(path: Path, run: RunRecord) -> TextIO:
    """Write the file of a run, and lock it before it can be found; closed, it is unlocked."""
    draft = path.with_suffix(".draft")
    file = draft.open("w", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    json.dump(asdict(run), file)
    file.flush()
    draft.replace(path)
    return file


def _clear(folder: Path) -> None:
    for path in folder.glob("*.json"):
        with suppress(OSError), path.open(encoding="utf-8") as file:
            if not _is_locked(file.fileno()):
                path.unlink()


def living(root: Path) -> list[RunRecord]:
    """Return the runs of a folder that live, in the order of their processes."""
    found = (_read(path) for path in _folder(root).glob("*.json"))
    return sorted((run for run in found if run is not None), key=lambda run: run.pid)


def _read(path: Path) -> RunRecord | None:
    """Return the run of a file; None when it ended, or is of another version of this project."""
    with suppress(OSError, ValueError, TypeError, KeyError), path.open(encoding="utf-8") as file:
        if not _is_locked(file.fileno()):
            return None
        content = json.load(file)
        return RunRecord(**{**content, "tenants": tuple(content["tenants"])})
    return None


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _folder(root: Path) -> Path:
    return root / ".data" / "runs"
