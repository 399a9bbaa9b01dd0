"""Changes of secrets in the vault on behalf of requests: bounded, logged, refused in clear words.

What is drawn, rotated and closed is the business of `rotation`; this is what tokens and signing
secrets have in common around it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.auth import rotation
from shared.errors import NotServed, Unavailable
from shared.notices import Notices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from shared.auth.rotation import Drawn, ManagedSecret, SecretVersions
    from shared.clock import Clock
    from shared.errors import ScimError

SETTLE_SECONDS = 8.0
"""How long what a draw has superseded is waited for to be disabled; the next draw does the rest."""

_SPARE_SECONDS = 0.5
"""Of the deadline, so that what was drawn is still answered."""

_RETRY_AFTER = 5

_log = logging.getLogger("scim.tokens")


@dataclass(frozen=True, slots=True)
class Requester:
    """On whose behalf secrets are managed.

    Attributes:
        label: Of the API key, for the log.
        request_id: Of the request, for the log.
        deadline: `time.monotonic()` after which nothing is begun.
    """

    label: str
    request_id: str
    deadline: float


@dataclass(frozen=True, slots=True)
class Act:
    """One change of one secret.

    Attributes:
        secret: Name of the secret.
        line: What the log says of it: what was done, and of what.
        by: On whose behalf.
        command: Of `tools.admin`, by which an operator does the same.
        half_done: What is so where the vault has failed.
        refusal: Makes the answer of an exception that it knows; None for any other.
    """

    secret: str
    line: Mapping[str, str]
    by: Requester
    command: str
    half_done: str
    refusal: Callable[[Exception], ScimError | None]


@dataclass(slots=True)
class SecretChanges:
    """Changes secrets of a vault.

    Attributes:
        vault: Where they lie.
        note_change: Has a secret read again before it serves, since this process has changed it.
        write_refused: The exception by which the vault says that the app may not write; `()` if it
            never does.
        clock: The time by which versions begin and expire.
    """

    vault: SecretVersions
    note_change: Callable[[str], None]
    write_refused: type[Exception] | tuple[()]
    clock: Clock
    _notices: Notices = field(default_factory=Notices)

    async def settle(self, secret: ManagedSecret, drawn: Drawn, by: Requester) -> list[str]:
        """Disable what a draw has superseded. Where that fails the draw is good all the same.

        Returns:
            The ids of the versions that were disabled.
        """
        left = by.deadline - time.monotonic() - _SPARE_SECONDS
        try:
            async with asyncio.timeout(max(min(left, SETTLE_SECONDS), 0)):
                ended = await rotation.settle(self.vault, secret, drawn, self.clock.wall())
        except rotation.RotationError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the vault said
            _log.warning(
                "%s: what a new version supersedes was not disabled, the next draw does it: %s",
                secret.name,
                type(error).__name__,
            )
            return []
        return [version.id for version in ended]

    @asynccontextmanager
    async def acting(self, act: Act) -> AsyncIterator[dict[str, object]]:
        """Bound a change of a secret, log who did it, and refuse in the words of errors.

        Whatever came of it, what is remembered of the secret is read again before it serves. What
        is put into the dictionary stands in the line of the log.
        """
        told: dict[str, object] = {}
        try:
            async with asyncio.timeout(max(act.by.deadline - time.monotonic(), 0)):
                yield told
        except Exception as error:
            refusal = self._refusal(act, error)
            _tell(logging.WARNING, act, told, refused=type(error).__name__)
            raise refusal from error
        else:
            _tell(logging.INFO, act, told)
        finally:
            self.note_change(act.secret)

    def _refusal(self, act: Act, error: Exception) -> ScimError:
        if isinstance(error, self.write_refused):
            if self._notices.is_due("writes"):
                _log.error(
                    "Key Vault does not let the service write tokens (%s); deploy with the"
                    " parameter tokensByApi=true to have them managed by /api/v1",
                    error,
                )
            return NotServed(
                "This deployment does not let the service write to its vault. Deploy it with the"
                f" parameter tokensByApi=true, or use `python -m tools.admin {act.command}`."
                " Nothing was changed."
            )
        return act.refusal(error) or vault_unavailable(act.half_done)


def vault_unavailable(what_is_so: str) -> Unavailable:
    """Build the answer where the vault has failed."""
    return Unavailable(
        f"The vault did not answer as it should. {what_is_so}", retry_after=_RETRY_AFTER
    )


def _tell(level: int, act: Act, told: Mapping[str, object], **more: str) -> None:
    """Log who did what with a secret: ids alone, no value."""
    line = {**act.line, **told, **more, "by": act.by.label, "request": act.by.request_id}
    _log.log(level, "%s", json.dumps(line))
