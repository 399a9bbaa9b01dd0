"""What is known of the service after a cycle, so that the next one sends differences alone."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import TypeAdapter, ValidationError


class StateFileError(Exception):
    """A state file cannot be used; the text says why in one line."""


@dataclass(slots=True)
class SyncedUser:
    """A user as last sent.

    Attributes:
        target_id: the id that the service gave.
        values: text by path; a value that the source lost since stays, because no null is sent.
        active: as last sent.
        manager: target id of the manager as last sent; it differs when the manager was purged or
            created again.
    """

    target_id: str
    values: dict[str, str]
    active: bool = True
    manager: str | None = None


@dataclass(slots=True)
class SyncedGroup:
    """A group as last sent; members, and groups that are members, are source ids."""

    target_id: str
    display_name: str
    members: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)


@dataclass(slots=True)
class State:
    """Everything that was synchronised to one Tenant URL, by source id."""

    url: str
    users: dict[str, SyncedUser] = field(default_factory=dict)
    groups: dict[str, SyncedGroup] = field(default_factory=dict)

    def forget_user(self, source_id: str) -> None:
        """Drop a user that the service no longer has, and with it its memberships."""
        del self.users[source_id]
        for group in self.groups.values():
            group.members.discard(source_id)

    def forget_group(self, source_id: str) -> SyncedGroup:
        """Drop a group that the service no longer has, and with it its memberships."""
        forgotten = self.groups.pop(source_id)
        for group in self.groups.values():
            group.groups.discard(source_id)
        return forgotten


_FILE = TypeAdapter(State)


def load(path: Path, url: str) -> State:
    """Read the state of an earlier run, or begin a new one when there is no file.

    Raises:
        StateFileError: when the file is not a state, or that of another Tenant URL.
    """
    try:
        state = _FILE.validate_json(path.read_bytes())
    except FileNotFoundError:
        return State(url)
    except OSError as error:
        raise StateFileError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        raise StateFileError(f"{path}: not a state file: {error.errors()[0]['msg']}") from error
    if state.url != url:
        raise StateFileError(f"{path}: belongs to {state.url}, not to {url}")
    return state


def save(path: Path, state: State) -> None:
    """Write the state beside its file and move it there, so that a crash leaves the old one.

    Raises:
        StateFileError: when the file cannot be written.
    """
    try:
        with NamedTemporaryFile("wb", dir=path.parent, prefix=path.name, delete=False) as file:
            file.write(_FILE.dump_json(state, indent=1))
        Path(file.name).replace(path)
    except OSError as error:
        raise StateFileError(f"{path}: {error.strerror}") from error
