"""`client`: the OAuth clients of a tenant, in Key Vault."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from shared import clients, tenants
from shared.auth.rotation import Drawn, Lifetime, ManagedSecret
from shared.clients import CredentialKind
from tools.admin import console
from tools.admin.commands import issuing
from tools.admin.commands.client_explain import explain
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    Moment,
    Tenant,
    Vault,
    Yes,
    close_all,
    lifetime_option,
    place,
    run,
    tenant_name,
    version_named,
)
from tools.admin.holders import Holder
from tools.admin.places import Kept, Place
from tools.admin.tokens import no_such
from tools.admin.vault import ClientSecret, open_vault
from tools.command_line import App

app = App(no_args_is_help=True, epilog=EXIT_STATUS)
app.command(epilog=EXIT_STATUS)(explain)


def _client_name(text: str) -> str:
    name = clients.named(text)
    if name is None:
        raise typer.BadParameter(
            "no client can have that name: up to 40 of a-z, 0-9 and single dashes between them"
        )
    return name


Name = Annotated[
    str,
    typer.Argument(
        metavar="CLIENT", callback=_client_name, help="The client id, as what it is for: `entra`."
    ),
]
ValidDays = Annotated[int, lifetime_option("the credential")]
PublicKey = Annotated[
    Path | None,
    typer.Option(
        "--public-key",
        metavar="FILE",
        help="The client has a key of its own, whose public half is in this file (PEM; P-256, or"
        " RSA with 2,048 bits). No secret is drawn.",
    ),
]

Issuer = Annotated[
    str | None,
    typer.Option(
        "--issuer",
        metavar="URL",
        help="The client is known by tokens of this issuer, as Entra's workload identity is. No"
        " secret is drawn. --jwks, --audience and --subject belong to it.",
    ),
]
Jwks = Annotated[
    str, typer.Option("--jwks", metavar="URL", help="Where the keys of the issuer are.")
]
Audiences = Annotated[
    list[str] | None,
    typer.Option("--audience", help="An audience of its tokens; may be given several times."),
]
Subject = Annotated[str, typer.Option("--subject", help="The subject of its tokens.")]
Bearer = Annotated[
    bool,
    typer.Option(
        "--bearer",
        help="Its tokens open SCIM themselves, as those that Entra sends with an empty Secret"
        " Token.",
    ),
]


@app.command(epilog=EXIT_STATUS)
def new(
    name: Name,
    tenant: Tenant = tenants.DEFAULT,
    public_key: PublicKey = None,
    issuer: Issuer = None,
    jwks: Jwks = "",
    audience: Audiences = None,
    subject: Subject = "",
    bearer: Bearer = False,
    valid_days: ValidDays = 365,
    not_before: Moment = None,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Make an OAuth client of a tenant: draw its secret and write it to Key Vault.

    The secret (256 random bits behind `scimsecret_`) is printed once, alone on standard output, and
    can be piped; all else goes to standard error. It is refused when there is such a client (see
    `client rotate`), and when there is no such tenant (see `token new`).
    """
    where = place(vault=vault, kept=Kept.CLIENTS)
    lifetime = issuing.lifetime_of(valid_days, not_before)
    trust = _trust(issuer, jwks, audience, subject, bearer=bearer)
    holder = _holder(tenant, name, public_key, trust)
    drawn = run(_new(where, tenant, holder, lifetime))
    issuing.hand_over(holder, drawn, as_json=as_json)


@app.command(epilog=EXIT_STATUS)
def rotate(
    name: Name,
    tenant: Tenant = tenants.DEFAULT,
    public_key: PublicKey = None,
    issuer: Issuer = None,
    jwks: Jwks = "",
    audience: Audiences = None,
    subject: Subject = "",
    bearer: Bearer = False,
    valid_days: ValidDays = 365,
    not_before: Moment = None,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Add a credential to a client; the present one stays valid, so that nothing is interrupted.

    Two are valid at most: what is older is disabled. A client may go over from a secret to a key.
    """
    where = place(vault=vault, kept=Kept.CLIENTS)
    lifetime = issuing.lifetime_of(valid_days, not_before)
    trust = _trust(issuer, jwks, audience, subject, bearer=bearer)
    holder = _holder(tenant, name, public_key, trust)
    run(issuing.rotate(where, holder, lifetime, as_json=as_json))


@app.command(epilog=EXIT_STATUS)
def revoke(
    name: Name,
    version: Annotated[
        str | None, version_named("credential", "client list NAME", "scim-client--acme--entra")
    ] = None,
    close: Annotated[bool, close_all("credential, which closes the client")] = False,
    yes: Yes = False,
    tenant: Tenant = tenants.DEFAULT,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Disable a credential; it and the access tokens given for it are refused within a minute.

    The newest one is not disabled by itself, because that closes the client to the other one too
    (Key Vault lists a secret by its newest version): run `client rotate` first.
    """
    holder = Holder.client(tenant, name)
    question = f"{holder.title} will be refused within a minute. Close it?"
    issuing.end(holder, version, question, close=close, yes=yes, vault=vault, as_json=as_json)


@app.command("list", epilog=EXIT_STATUS)
def list_clients(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="CLIENT",
            help="The client whose credentials are listed; all clients when none is named.",
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            help="The tenant; when not given, all of them, or `default` where a client is named."
        ),
    ] = None,
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """List the clients and what they are known by, or the credentials of one; never a secret.

    *open* says whether the newest credential is enabled; when it is not, the client is refused. The
    states of credentials are those of `token list`.
    """
    where = place(vault=vault, kept=Kept.CLIENTS)
    named = None if tenant is None else tenant_name(tenant)
    if name is not None:
        holder = Holder.client(named or tenants.DEFAULT, _client_name(name))
        issuing.show_versions(run(issuing.list_versions(where, holder)), as_json=as_json)
        return
    rows = [_as_json(each) for each in run(_list(where)) if named in {None, each.tenant}]
    if as_json:
        console.show_json(rows)
        return
    columns = ["tenant", "client", "open", "known by", "changed", "newest credential expires"]
    console.show_table(columns, [list(row.values()) for row in rows])


def _holder(tenant: str, name: str, public_key: Path | None, trust: str) -> Holder:
    """Describe the client, and the credential that is added where none is to be drawn."""
    holder = Holder.client(tenant, name)
    if public_key is not None and trust:
        raise typer.BadParameter("give --public-key or --issuer, and not both")
    if trust:
        kind, given = CredentialKind.TRUST, trust
    elif public_key is not None:
        from tools.admin.signing import read_public_key  # noqa: PLC0415 - 0.1 s `--help` spares

        kind, given = CredentialKind.PUBLIC_KEY, read_public_key(public_key)
    else:
        return holder
    return replace(holder, secret=ManagedSecret.of_client_with(tenant, name, kind, given))


def _trust(
    issuer: str | None, jwks: str, audiences: list[str] | None, subject: str, *, bearer: bool
) -> str:
    """Write the trust that the options describe; "" where there are none of them."""
    if issuer is None and not (jwks or audiences or subject or bearer):
        return ""
    from tools.admin.signing import write_trust  # noqa: PLC0415 - 0.1 s that `--help` spares

    return write_trust(issuer or "", jwks, audiences or [], subject, bearer=bearer)


async def _new(where: Place, tenant: str, holder: Holder, lifetime: Lifetime) -> Drawn:
    async with open_vault(where) as vault:
        owner = Holder.tenant(tenant)
        if not await vault.versions(owner.secret.name):
            raise no_such(owner)
        return await issuing.draw_first(vault, holder, lifetime)


async def _list(where: Place) -> list[ClientSecret]:
    async with open_vault(where) as vault:
        return await vault.clients()


def _as_json(secret: ClientSecret) -> dict[str, Any]:
    return {
        "tenant": secret.tenant,
        "client": secret.name,
        "open": secret.is_open,
        "known by": secret.known_by,
        "changed": console.time_of(secret.updated),
        "expires": console.time_of(secret.expires),
    }
