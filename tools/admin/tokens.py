"""Why a version of a secret was not drawn or revoked, in the words of the command line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.auth import rotation
from tools.admin.errors import NoAccessError, NotDoneError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.admin.holders import Holder


@contextmanager
def told_of(holder: Holder) -> Iterator[None]:
    """Say what to do where something is refused (`shared/auth/rotation.py`).

    Args:
        holder: Whose secret it is.

    Raises:
        NotDoneError: It was refused.
        NoAccessError: Whether a version was added is not known.
    """
    try:
        yield
    except rotation.RotationError as error:
        raise NotDoneError(_reason(holder, error)) from error
    except rotation.UnknownOutcomeError as error:
        raise NoAccessError(
            f"whether a {holder.version} was drawn is not known, because the answer of the vault"
            f" was lost; nobody has seen it: `{holder.command} list{holder.option}` shows it, if it"
            " is there"
        ) from error


def no_such(holder: Holder) -> NotDoneError:
    """Build the answer about whoever has no secret."""
    return NotDoneError(
        f"{holder.title} has no secret, so it does not exist: `{holder.command} new` creates it,"
        f" `{holder.lister}` shows those that exist"
    )


def _reason(holder: Holder, error: rotation.RotationError) -> str:
    match error:
        case rotation.SecretExistsError():
            return (
                f"{holder.title} has a {holder.version} already: `{holder.command} rotate` adds a"
                f" second one and keeps the present one valid, `{holder.command} list` shows them"
            )
        case rotation.NoSecretError():
            return str(no_such(holder))
        case rotation.NewestVersionError():
            return (
                f"this is the newest version, and to disable it closes {holder.kind} to every"
                f" {holder.version}, because Key Vault lists a secret by its newest version: run"
                f" `{holder.command} rotate` first and then revoke this one, or `{holder.command}"
                f" revoke --all` to close {holder.kind}"
            )
        case rotation.NoSuchVersionError() if "too short" not in str(error):
            return f"{error}; `{holder.command} list` shows them"
        case rotation.OvertakenError():
            return (
                f"others have drawn or closed {holder.kind} at the same time, so this was taken"
                f" back: see `{holder.command} list{holder.option}`, and repeat it if it is still"
                " wanted"
            )
    return str(error)
