"""`signing-key`: the keys that sign access tokens, in Key Vault."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from shared.auth.rotation import Drawn, Lifetime, ManagedSecret
from tools.admin.commands import issuing
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    Vault,
    Yes,
    close_all,
    lifetime_option,
    place,
    run,
    version_named,
)
from tools.admin.holders import PUBLIC_KEY_TAG, Holder
from tools.admin.places import Kept, Place
from tools.admin.vault import open_vault
from tools.command_line import App

_DAY = 86_400
_KNOWN_EVERYWHERE = 120
"""Seconds until every instance has read a new key, which takes a minute."""

app = App(no_args_is_help=True, epilog=EXIT_STATUS)

ValidDays = Annotated[int, lifetime_option("it")]


@app.command(epilog=EXIT_STATUS)
def new(valid_days: ValidDays = 730, vault: Vault = None, as_json: AsJson = False) -> None:
    """Draw the first signing key, which access tokens of all tenants need. It is shown nowhere."""
    where = place(vault=vault, kept=Kept.SIGNING_KEYS)
    drawn = run(_new(where, issuing.lifetime_of(valid_days, None)))
    issuing.hand_over(Holder.signing_key(), drawn, as_json=as_json)


@app.command(epilog=EXIT_STATUS)
def rotate(valid_days: ValidDays = 730, vault: Vault = None, as_json: AsJson = False) -> None:
    """Draw another signing key; the present one goes on checking what it has signed.

    The new one signs from 2 minutes on, when every instance knows it. The present one can be
    revoked after 6 hours, the longest life of an access token.
    """
    where = place(vault=vault, kept=Kept.SIGNING_KEYS)
    begins = time.time() + _KNOWN_EVERYWHERE
    lifetime = Lifetime(begins, begins + valid_days * _DAY)
    holder, tags = _with_new_key()
    run(issuing.rotate(where, holder, lifetime, tags, as_json=as_json))


@app.command(epilog=EXIT_STATUS)
def revoke(
    version: Annotated[str | None, version_named("version", "signing-key list")] = None,
    close: Annotated[bool, close_all("version, which ends all access tokens")] = False,
    yes: Yes = False,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Disable a signing key; the access tokens that it has signed are refused within a minute."""
    holder = Holder.signing_key()
    question = "Every access token will be refused within a minute. End them?"
    issuing.end(holder, version, question, close=close, yes=yes, vault=vault, as_json=as_json)


@app.command("list", epilog=EXIT_STATUS)
def list_versions(vault: Vault = None, as_json: AsJson = False) -> None:
    """List the signing keys, the newest first; never the keys. States are those of `token list`."""
    judged = run(
        issuing.list_versions(place(vault=vault, kept=Kept.SIGNING_KEYS), Holder.signing_key())
    )
    issuing.show_versions(judged, as_json=as_json)


async def _new(where: Place, lifetime: Lifetime) -> Drawn:
    holder, tags = _with_new_key()
    async with open_vault(where) as vault:
        return await issuing.draw_first(vault, holder, lifetime, tags)


def _with_new_key() -> tuple[Holder, Mapping[str, str]]:
    """Draw a key; its public half becomes a tag, which `client explain` may read."""
    from tools.admin.signing import draw_signing_key  # noqa: PLC0415 - 0.1 s that `--help` spares

    drawn = draw_signing_key()
    secret = ManagedSecret.of_signing_keys(drawn.private)
    return replace(Holder.signing_key(), secret=secret), {PUBLIC_KEY_TAG: drawn.public}
