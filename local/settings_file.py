"""local.settings.json: the application settings of this machine, with a token of its own."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "local.settings.json"
SAMPLE = "local.settings.sample.json"
ENVIRONMENT = "AZURE_FUNCTIONS_ENVIRONMENT"
TOKEN = "SCIM_SECRET_TOKEN"  # noqa: S105  # the name of the setting, not a token
CLIENT_SECRET = "SCIM_CLIENT_SECRET"  # noqa: S105  # likewise


def ensure(root: Path) -> Path:
    """Create the file from the sample, unless it exists, with what opens the service.

    That is a token, and the secret of an OAuth client, of 256 bits each and freshly drawn.

    Only its owner may read it. It is not written again, also not by two that create it at once, but
    that a setting on which Core Tools fail is taken out of one that an older sample has made.

    Returns:
        Its path.

    Raises:
        LocalError: The sample is missing or broken.
    """
    path = root / FILE
    if path.exists():
        _mend(path)
        return path
    content = _load(root / SAMPLE)
    drawn = {TOKEN: secrets.token_urlsafe(32)}
    drawn[CLIENT_SECRET] = f"scimsecret_{secrets.token_urlsafe(32)}"
    content.setdefault("Values", {}).update(drawn)
    with _draft(root, content) as draft, suppress(FileExistsError):
        path.hardlink_to(draft)
    return path


def _mend(path: Path) -> None:
    """Take out the environment, which Core Tools set themselves: up to 4.1 they fail on a second.

    It has no effect there, because what a run sets in the environment wins. A file that cannot be
    read stays as it is, for whoever reads it next to say so.
    """
    try:
        content = _load(path)
    except LocalError:
        return
    held = content.get("Values")
    if not isinstance(held, dict) or held.pop(ENVIRONMENT, None) is None:
        return
    with _draft(path.parent, content) as draft:
        draft.replace(path.resolve())
    print(f"{path.name}: {ENVIRONMENT} was taken out, Core Tools set it", file=sys.stderr)


@contextmanager
def _draft(root: Path, content: dict[str, Any]) -> Iterator[Path]:
    """Write a file beside the one that it is to become; its owner alone may read it."""
    descriptor, name = tempfile.mkstemp(dir=root, prefix=FILE + ".")  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def values(path: Path) -> dict[str, str]:
    """Return the application settings that the file holds.

    Raises:
        LocalError: The file is broken or encrypted.
    """
    content = _load(path)
    if content.get("IsEncrypted"):
        raise LocalError(f"{path.name} is encrypted: run `func settings decrypt`")
    held = content.get("Values", {})
    if not isinstance(held, dict) or not all(isinstance(value, str) for value in held.values()):
        raise LocalError(f"{path.name}: Values must be an object of strings")
    return held


def readable_values(path: Path) -> dict[str, str]:
    """Return the application settings that can be read here: none of an encrypted file.

    Raises:
        LocalError: The file is broken.
    """
    return {} if _load(path).get("IsEncrypted") else values(path)


def token(path: Path) -> str:
    """Return the token that opens the service on this machine.

    Raises:
        LocalError: The file is broken or holds none.
    """
    found = values(path).get(TOKEN)
    if not found:
        raise LocalError(f"{path.name} holds no {TOKEN}: add one, or delete the file for a new one")
    return found


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LocalError(f"{path.name} is missing in {path.parent}") from None
    except OSError as error:
        raise LocalError(f"{path.name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise LocalError(f"{path.name} is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise LocalError(f"{path.name} must hold a JSON object")
    return content
