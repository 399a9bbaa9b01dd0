"""`apikey`: the API keys of the product, in Key Vault."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from shared import api_keys
from shared.api_keys import SCOPES_TAG, TENANTS_TAG, Scope
from shared.auth.rotation import Drawn, Lifetime
from tools.admin import console
from tools.admin.commands import issuing
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    Moment,
    Vault,
    Yes,
    close_all,
    lifetime_option,
    place,
    run,
    version_named,
)
from tools.admin.holders import Holder
from tools.admin.places import Kept, Place
from tools.admin.vault import KeySecret, open_vault
from tools.command_line import App

_MOST_OF_A_TAG = 256
"""Characters that Key Vault takes."""

app = App(no_args_is_help=True, epilog=EXIT_STATUS)


def _key_name(text: str) -> str:
    name = api_keys.named(text)
    if name is None:
        raise typer.BadParameter(
            "no API key can have that name: up to 40 of a-z, 0-9 and single dashes between them"
        )
    return name


def _list_of(tag: str, text: str | None) -> str | None:
    """Check a list that is to become a tag, and write it as one."""
    if text is None:
        return None
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = list(api_keys.unknown_words({tag: ",".join(words)}))
    if unknown:
        known = f"the scopes are {', '.join(Scope)}" if tag == SCOPES_TAG else "no tenant has it"
        raise typer.BadParameter(f"{unknown[0]!r} is none of the {tag}: {known}")
    written = ",".join(dict.fromkeys(words))
    if not written or len(written) > _MOST_OF_A_TAG:
        raise typer.BadParameter(
            f"put 1 or more, {_MOST_OF_A_TAG} characters together at most, which is what a tag of"
            " Key Vault holds"
        )
    return written


def _scopes(text: str | None) -> str | None:
    return _list_of(SCOPES_TAG, text)


def _tenants(text: str | None) -> str | None:
    return _list_of(TENANTS_TAG, text)


ValidDays = Annotated[int, lifetime_option("the key", "--valid-days", "--days")]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", callback=_key_name, help="The name of the key, as what it is for: `crm`."
    ),
]
Tenants = Annotated[
    str | None,
    typer.Option(
        "--tenants",
        callback=_tenants,
        metavar="TENANT,...",
        help="The tenants that the key opens; all of them when not given.",
    ),
]


@app.command(epilog=EXIT_STATUS)
def new(
    name: Name,
    scopes: Annotated[
        str,
        typer.Option(
            "--scopes",
            callback=_scopes,
            metavar="SCOPE,...",
            help=f"What the key allows: {', '.join(Scope)}.",
        ),
    ],
    tenants: Tenants = None,
    valid_days: ValidDays = 365,
    not_before: Moment = None,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Draw a new API key and write it to Key Vault.

    The key (256 random bits behind its name) is printed once, alone on standard output, and can be
    piped; all else goes to standard error. It is refused when there is a key of that name (see
    `apikey rotate`).
    """
    where = place(vault=vault, kept=Kept.API_KEYS)
    holder = Holder.api_key(name)
    lifetime = issuing.lifetime_of(valid_days, not_before)
    drawn = run(_new(where, holder, lifetime, _tags(scopes, tenants)))
    issuing.hand_over(holder, drawn, as_json=as_json)


@app.command(epilog=EXIT_STATUS)
def rotate(
    name: Name,
    scopes: Annotated[
        str | None,
        typer.Option(
            "--scopes",
            callback=_scopes,
            metavar="SCOPE,...",
            help="What the key allows from now on; as before when not given.",
        ),
    ] = None,
    tenants: Annotated[
        str | None,
        typer.Option(
            "--tenants",
            callback=_tenants,
            metavar="TENANT,...",
            help="The tenants that the key opens from now on; as before when not given.",
        ),
    ] = None,
    valid_days: ValidDays = 365,
    not_before: Moment = None,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Add a version to an API key; the present one stays valid, so that nothing is interrupted.

    The key is printed once, alone on standard output. Two versions are valid at most: what is older
    is disabled. What the key allows is said by its newest version, for both and at once, also where
    that begins later.
    """
    where = place(vault=vault, kept=Kept.API_KEYS)
    lifetime = issuing.lifetime_of(valid_days, not_before)
    tags = _tags(scopes, tenants)
    run(issuing.rotate(where, Holder.api_key(name), lifetime, tags, as_json=as_json))


@app.command(epilog=EXIT_STATUS)
def revoke(
    name: Name,
    version: Annotated[
        str | None, version_named("version", "apikey list NAME", "scim-apikey--crm")
    ] = None,
    close: Annotated[bool, close_all("version, which closes the key")] = False,
    yes: Yes = False,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Disable a version of an API key; the service refuses it within a minute.

    The newest version is not disabled by itself, because that closes the key to the other one too
    (Key Vault lists a secret by its newest version): run `apikey rotate` first. Older versions that
    would become valid in its place are disabled along with it.
    """
    holder = Holder.api_key(name)
    question = f"The API key {name} will be refused within a minute. Close it?"
    issuing.end(holder, version, question, close=close, yes=yes, vault=vault, as_json=as_json)


@app.command("list", epilog=EXIT_STATUS)
def list_keys(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="The key whose versions are listed; all keys when none is named."
        ),
    ] = None,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """List the API keys and what they allow, or the versions of one; never their values.

    *open* says whether the newest version is enabled; when it is not, the key is refused. The
    states of versions are those of `token list`.
    """
    where = place(vault=vault, kept=Kept.API_KEYS)
    if name is not None:
        judged = run(issuing.list_versions(where, Holder.api_key(_key_name(name))))
        issuing.show_versions(judged, as_json=as_json)
        return
    rows = [_as_json(each) for each in run(_list(where))]
    if as_json:
        console.show_json(rows)
        return
    columns = ["key", "open", "scopes", "tenants", "changed", "newest version expires"]
    console.show_table(columns, [list(row.values()) for row in rows])


async def _new(where: Place, holder: Holder, lifetime: Lifetime, tags: Mapping[str, str]) -> Drawn:
    async with open_vault(where) as vault:
        return await issuing.draw_first(vault, holder, lifetime, tags)


async def _list(where: Place) -> list[KeySecret]:
    async with open_vault(where) as vault:
        return await vault.api_keys()


def _tags(scopes: str | None, tenants: str | None) -> dict[str, str]:
    """Write the tags that were given."""
    tags = {SCOPES_TAG: scopes, TENANTS_TAG: tenants}
    return {tag: text for tag, text in tags.items() if text is not None}


def _as_json(secret: KeySecret) -> dict[str, Any]:
    return {
        "key": secret.name,
        "open": secret.is_open,
        "scopes": secret.tags.get(SCOPES_TAG, ""),
        "tenants": secret.tags.get(TENANTS_TAG, "all of them"),
        "changed": console.time_of(secret.updated),
        "expires": console.time_of(secret.expires),
    }
