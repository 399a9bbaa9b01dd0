"""`client explain`: why a client was refused, check by check."""

import json
import os
import re
import sys
import time
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from shared import tenants
from shared.oauth.access_tokens import ACCESS_TOKEN_TYPE
from shared.oauth.jwt_text import MAX_JWT_CHARACTERS, UnverifiedJwt, parse_jwt
from tools.admin import console
from tools.admin.commands.options import AsJson, Vault, place, run, tenant_name
from tools.admin.places import Place, is_run_here
from tools.admin.token_checks import Asked, Finding, findings, read_vault
from tools.admin.vault import open_vault
from tools.command_line import say

_JWT = "eyJ"
_REQUEST = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
"""A UUID, and nothing that a secret may look like: it is written into a command that is shown."""
_CHECK = re.compile(r"(?P<check>[^:]+): expected (?P<expected>.*?)(?:, received (?P<received>.*))?")
_TENANT_IN_PATH = re.compile(r".*/tenants/(?P<tenant>[^/]+)/scim/v2/?")
_FORM = (
    f"a signed JWT of at most {MAX_JWT_CHARACTERS:,} characters, each name in it once, without jku,"
    " jwk, x5u, x5c or crit in its header"
)


def explain(
    presented: Annotated[
        str,
        typer.Argument(
            metavar="JWT|REQUEST|-",
            help="The access token or the assertion that was refused; or the id of the request, as"
            " the client got it in `Request-Id`. With - standard input is read: a JWT, which then"
            " stands in no history of a shell, or lines of the service's log.",
        ),
    ],
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="The Tenant URL to which it was sent."),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(help="The tenant; when not given, that of the JWT or of --url.")
    ] = None,
    client: Annotated[
        str, typer.Option("--client", help="The client id that was sent with an assertion.")
    ] = "",
    vault: Vault = None,
    as_json: AsJson = False,
) -> None:
    """Explain why a client was refused: each check, what was expected and what was received.

    A JWT is checked as the service does. What lies in the vault is checked where there is one; what
    could not be checked is said. The JWT is not shown. Of a request the log of the service has the
    check that failed: the command is printed that finds it, and passes it to this one.

    Exit status: 0 when all that could be checked passes, 1 when a check fails.
    """
    text = (sys.stdin.read() if presented == "-" else presented).strip()
    text = text.removeprefix("Bearer ").strip()
    if text.startswith(_JWT):
        found = _of_jwt(text, tenant, url, client, vault)
    elif "failedCheck" in text:
        found = _of_log(text)
    elif _REQUEST.fullmatch(text):
        console.show_line(_query_of(text, is_local=vault is None and is_run_here(os.environ)))
        return
    else:
        raise typer.BadParameter("give a JWT, the id of a request, or lines of the log")
    if as_json:
        console.show_json([asdict(each) for each in found])
    else:
        rows: list[list[Any]] = [
            [each.check, each.outcome, each.expected, each.received] for each in found
        ]
        console.show_table(["check", "outcome", "expected", "received"], rows)
    if any(each.outcome == "failed" for each in found):
        raise typer.Exit(1)


def _of_jwt(
    text: str, tenant: str | None, url: str | None, client: str, vault: str | None
) -> list[Finding]:
    token = parse_jwt(text)
    if token is None:
        return [Finding("form", "failed", _FORM, f"{len(text):,} characters that are none")]
    url = None if url is None else url.rstrip("/")
    asked = Asked(token, tenant_name(_tenant(tenant, url, token)), url, client, time.time())
    return run(_findings(None if vault is None else place(vault=vault), asked))


async def _findings(where: Place | None, asked: Asked) -> list[Finding]:
    """Check a JWT, with what the vault holds where there is one."""
    if where is None:
        return await findings(asked, None)
    async with open_vault(where) as vault:
        held = await read_vault(vault, tenants.secret_name(asked.tenant), asked)
    return await findings(asked, held)


def _tenant(named: str | None, url: str | None, token: UnverifiedJwt) -> str:
    """Tell which tenant is meant: the one that is named, that of the address, that of the JWT."""
    if named is not None:
        return named
    address = url or (token.issuer if token.header.get("typ") == ACCESS_TOKEN_TYPE else "")
    found = _TENANT_IN_PATH.fullmatch(urlsplit(address).path)
    return tenants.DEFAULT if found is None else found["tenant"]


def _of_log(text: str) -> list[Finding]:
    """Read the failed checks in lines of the log, as they are or within those of a query."""
    found = []
    for line in text.splitlines():
        start = line.find('{"request"')
        try:
            record = json.JSONDecoder().raw_decode(line[start:])[0] if start >= 0 else {}
        except ValueError:
            record = {}
        told = _CHECK.fullmatch(str(record.get("failedCheck", "")))
        if told is not None:
            found.append(Finding(told["check"], "failed", told["expected"], told["received"] or ""))
    if not found:
        raise typer.BadParameter("no line of the log in it has a failedCheck that can be read")
    return found


def _query_of(request: str, *, is_local: bool) -> str:
    """Write the command that finds the line of a request in the log of the service."""
    explained = "| .venv/bin/python -m tools.admin client explain -"
    if is_local:
        say("(`make run` writes the log to its terminal: put the file that it was sent to for LOG)")
        return f"grep -F {request} LOG {explained}"
    query = (
        f"AppTraces | where TimeGenerated > ago(7d) and Message has '{request}' and Message has"
        " 'failedCheck' | project Message"
    )
    asked = ("az monitor log-analytics query", '--workspace "$WORKSPACE"')
    told = (f'--analytics-query "{query}"', '--query "[].Message" --output tsv')
    return " ".join((*asked, *told, explained))
