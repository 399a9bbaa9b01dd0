"""local.settings.json: the application settings of this machine, with a token of its own."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from local.errors import LocalError

FILE = "local.settings.json"
SAMPLE = "local.settings.sample.json"
TOKEN = "SCIM_SECRET_TOKEN"  # noqa: S105  # the name of the setting, not a token


def ensure(root: Path) -> Path:
    """Create the file from the sample with a freshly drawn 256-bit token, unless it exists.

    Only its owner may read it. It is never written again, also not by two that create it at once.

    Returns:
        Its path.

    Raises:
        LocalError: The sample is missing or broken.
    """
    path = root / FILE
    if path.exists():
        return path
    content = _load(root / SAMPLE)
    content.setdefault("Values", {})[TOKEN] = secrets.token_urlsafe(32)
    descriptor, name = tempfile.mkstemp(dir=root, prefix=FILE + ".")  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    return path


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
