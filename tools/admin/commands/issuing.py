"""What the secrets have in common: their versions are drawn, shown and disabled."""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer

from shared.auth import rotation
from shared.auth.rotation import Drawn, Lifetime, Revoked
from shared.auth.versions import SecretVersion, Standing, VersionState, having, standings
from tools.admin import console
from tools.admin.commands.options import place, run
from tools.admin.errors import NoAccessError, NotDoneError
from tools.admin.holders import Holder
from tools.admin.places import Place
from tools.admin.tokens import no_such, told_of
from tools.admin.vault import TokenVault, open_vault
from tools.command_line import say

_DAY = 86_400
_LATEST = datetime(2200, 1, 1, tzinfo=UTC).timestamp()


def lifetime_of(valid_days: int, not_before: datetime | None) -> Lifetime:
    """Make the lifetime of a version that begins now or later.

    Raises:
        BadParameter: it would have ended already, or would end too late.
    """
    begins = None if not_before is None else not_before.timestamp()
    start = time.time() if begins is None else begins
    expires = start + valid_days * _DAY
    if expires <= time.time():
        raise typer.BadParameter("it would have expired already: put a later --not-before")
    if expires > _LATEST:
        raise typer.BadParameter("it would expire after 2200: put an earlier --not-before")
    return Lifetime(begins, expires)


async def rotate(
    where: Place,
    holder: Holder,
    lifetime: Lifetime,
    tags: Mapping[str, str] | None = None,
    *,
    as_json: bool,
) -> None:
    """Add a version, hand it over, and disable what is superseded by it."""
    async with open_vault(where) as vault:
        with told_of(holder):
            drawn = await rotation.rotate(vault, holder.secret, lifetime, time.time(), tags)
        # Before anything else, so that whatever fails now, what was drawn is not lost.
        hand_over(holder, drawn, as_json=as_json)
        await _settle(vault, holder, drawn)


async def _settle(vault: TokenVault, holder: Holder, drawn: Drawn) -> None:
    """Disable what is superseded and say what is valid now."""
    with told_of(holder):
        disabled = await rotation.settle(vault, holder.secret, drawn, time.time())
    judged = standings(await vault.versions(holder.secret.name), time.time())
    if disabled:
        say(f"Disabled, so that it never comes back: {_ids(disabled)}.")
    for version in having(VersionState.VALID, judged):
        if version.id == drawn.version.id:
            continue
        until = console.time_of(version.expires)
        term = f" until {until}" if until else ""
        say(
            f"The {holder.version} {version.id[:8]} stays valid{term}, or until the next"
            f" rotation. To end it:"
            f" {holder.command} revoke{_argument(holder, version)}"
        )


async def draw_first(
    vault: TokenVault, holder: Holder, lifetime: Lifetime, tags: Mapping[str, str] | None = None
) -> Drawn:
    """Draw the first version."""
    with told_of(holder):
        return await rotation.draw_first(vault, holder.secret, lifetime, time.time(), tags)


def end(
    holder: Holder,
    version: str | None,
    question: str,
    *,
    close: bool,
    yes: bool,
    vault: str | None,
    as_json: bool,
) -> None:
    """Disable a version, or every one, as the command `revoke` of each holder does.

    Args:
        holder: whose versions they are.
        version: the one that is named; None for none.
        question: asked before every version is disabled.
        close: whether every version is.
        yes: whether that is not asked.
        vault: as of the option.
        as_json: likewise.

    Raises:
        BadParameter: neither one version nor all were named, or both.
        NotDoneError: it was not confirmed, or cannot be done.
    """
    if (version is None) is not close:
        shows = f"`{holder.command} list{holder.option}` shows them"
        raise typer.BadParameter(f"give a VERSION ({shows}), or --all")
    where = place(vault=vault, kept=holder.kept)
    _ = where.vault_url  # a place without one is refused before a question is asked
    if version is not None:
        tell_revoked(holder, run(_revoke(where, holder, version)), as_json=as_json)
        return
    if not yes:
        confirm(question)
    tell_closed(holder, run(_close(where, holder)), as_json=as_json)


async def _revoke(where: Place, holder: Holder, version: str) -> Revoked:
    async with open_vault(where) as vault:
        with told_of(holder):
            return await rotation.revoke(vault, holder.secret, version, time.time())


async def _close(where: Place, holder: Holder) -> list[SecretVersion]:
    async with open_vault(where) as vault:
        with told_of(holder):
            return await rotation.close(vault, holder.secret, time.time())


async def list_versions(where: Place, holder: Holder) -> list[Standing]:
    """Judge every version.

    Raises:
        NotDoneError: there is no secret.
    """
    async with open_vault(where) as vault:
        judged = standings(await vault.versions(holder.secret.name), time.time())
    if not judged:
        raise no_such(holder)
    return judged


def show_versions(judged: Sequence[Standing], *, as_json: bool) -> None:
    """Show versions, never their values."""
    if as_json:
        console.show_json([_as_json(each) for each in judged])
        return
    console.show_table(
        ["version", "state", "created", "not before", "expires"],
        [list(_as_json(each).values()) for each in judged],
    )


def confirm(question: str) -> None:
    """Ask the person at the terminal; standard output stays free of the question.

    Raises:
        NotDoneError: the answer is not yes, or nobody is there to give one.
    """
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)
    answer = "" if sys.stdin is None else sys.stdin.readline()
    if not answer.endswith("\n"):
        typer.echo(err=True)
    if answer.strip().lower() not in {"y", "yes"}:
        raise NotDoneError("nothing was done, because it was not confirmed; --yes does without")


def hand_over(holder: Holder, drawn: Drawn, *, as_json: bool) -> None:
    """Print what was drawn, the one time; of a value that was given, that it was added."""
    if not drawn.token:
        _tell_added(holder, drawn.version, as_json=as_json)
        return
    version = drawn.version
    until = console.time_of(version.expires)
    begins = console.time_of(version.not_before)
    try:
        if as_json:
            named = {holder.field: holder.name, "version": version.id, "not_before": begins}
            console.show_json({**named, "expires": until, holder.value_field: drawn.token})
        else:
            console.show_line(drawn.token)
    except OSError as error:
        say(
            f"error: the {holder.version} {version.id[:8]} could not be written out"
            f" ({error.strerror}), and nobody can read it again: run"
            f" {holder.command} rotate{holder.option}"
        )
        raise typer.Exit(NoAccessError.exit_status) from error
    say(
        f"This is {holder.introduction}. It is not shown again. Version {version.id[:8]}, valid"
        f"{f' from {begins}' if begins else ''} until {until}."
    )


def _tell_added(holder: Holder, version: SecretVersion, *, as_json: bool) -> None:
    """Say which version was added."""
    until, begins = console.time_of(version.expires), console.time_of(version.not_before)
    if as_json:
        named = {holder.field: holder.name, "version": version.id, "not_before": begins}
        console.show_json({**named, "expires": until})
    say(
        f"The {holder.version} {version.id[:8]} of {holder.title} is valid"
        f"{f' from {begins}' if begins else ''} until {until}."
    )


def tell_revoked(holder: Holder, revoked: Revoked, *, as_json: bool) -> None:
    """Say what a revocation has disabled."""
    version, superseded = revoked.version, revoked.superseded
    if as_json:
        disabled = [version.id, *(each.id for each in superseded)]
        console.show_json({holder.field: holder.name, "disabled": disabled})
    if superseded:
        say(f"Disabled, so that it does not come back: {_ids(superseded)}.")
    say(f"The {holder.version} {version.id[:8]} is disabled and refused within a minute.")


def tell_closed(holder: Holder, disabled: Sequence[SecretVersion], *, as_json: bool) -> None:
    """Say that nothing opens it any more, and what would."""
    if as_json:
        ids = [each.id for each in disabled]
        console.show_json({holder.field: holder.name, "disabled": ids})
    title = f"{holder.title[0].upper()}{holder.title[1:]}"
    say(
        f"{title} is closed: {len(disabled)} versions were disabled.{holder.stays}"
        f" `{holder.command} rotate{holder.option}` opens it again, to a new {holder.version}."
    )


def _as_json(each: Standing) -> dict[str, Any]:
    version = each.version
    return {
        "version": version.id,
        "state": each.state,
        "created": console.time_of(version.created),
        "not_before": console.time_of(version.not_before),
        "expires": console.time_of(version.expires),
    }


def _ids(versions: Sequence[SecretVersion]) -> str:
    return ", ".join(version.id[:8] for version in versions)


def _argument(holder: Holder, version: SecretVersion) -> str:
    """Write what names a version on the command line; a key stands before it, an option behind."""
    named = f" {version.id[:8]}"
    return named + holder.option if holder.option.startswith(" --") else holder.option + named
