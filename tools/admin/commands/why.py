"""`why`: why somebody is not there, in words, with what to do and a block for a ticket."""

import time
from typing import Annotated

import typer

from shared.auth.tenant_tokens import TenantAccess, TenantState, no_such_tenant
from shared.auth.versions import SecretVersion, VersionState, having, standings
from shared.errors import NotFound
from shared.explain.english import ENGLISH
from shared.explain.evidence import gather
from shared.explain.reasoning import explain
from shared.explain.statements import Explanation
from shared.explain.text_catalogue import answer_of, remedy_of, text_of, ticket_of
from tools.admin import console, stats
from tools.admin.commands.options import (
    AsJson,
    StorageEndpoint,
    TableName,
    Vault,
    now_in_milliseconds,
    place,
    run,
    tenant_name,
)
from tools.admin.errors import NoAccessError
from tools.admin.existence import require_table
from tools.admin.holders import Holder
from tools.admin.places import Place
from tools.admin.storage import open_storage
from tools.admin.vault import open_vault
from tools.command_line import say


def why(
    tenant: Annotated[
        str, typer.Argument(callback=tenant_name, help="The tenant: `default`, or its name.")
    ],
    user: Annotated[str, typer.Argument(help="Id, userName, externalId or e-mail address.")],
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Tell why a user is not there, what to do next, and which requests have to do with it.

    What is joined: the user, its changes, what was refused, the last contact of the identity
    provider, and whether a token is valid. Rows are read within bounds, and what was not read is
    told. The text can be pasted into a ticket: it holds no secret, but names of people.
    """
    where = place(vault=vault, storage=storage, table=table)
    found = run(_explain(where, tenant, user))
    if as_json:
        console.show_json(_as_json(found))
    else:
        for line in ticket_of(found, ENGLISH).splitlines():
            console.show_line(line)


async def _explain(where: Place, tenant: str, user: str) -> Explanation:
    try:
        access, has_tenant = await _access(where, tenant), True
    except NotFound:
        access, has_tenant = None, False
    async with open_storage(where) as storage:
        context = storage.context(tenant)
        evidence = await gather(storage.store, context, user, now_in_milliseconds(), access)
        # One that was made with POST /api/v1/tenants has no token in the settings of this machine.
        is_made_here = where.is_local and not await stats.is_empty(storage, tenant)
        evidence.has_tenant = has_tenant or is_made_here
        if evidence.contact is None:
            await require_table(where, storage)
        return explain(evidence)


async def _access(where: Place, tenant: str) -> TenantAccess | None:
    """Tell whether the tenant is open; None where no vault is named or lets us in.

    Raises:
        NotFound: there is no such tenant.
    """
    if where.settings.key_vault_url is None:
        return _local_access(where, tenant) if where.is_local else None
    try:
        async with open_vault(where) as opened:
            versions = await opened.versions(Holder.tenant(tenant).secret.name)
    except NoAccessError as error:
        say(f"(the tokens were not looked at: {error})")
        return None
    return access_of(versions, time.time())


def _local_access(where: Place, tenant: str) -> TenantAccess:
    """Call each tenant of a developer's settings open, as the service does there.

    Raises:
        NotFound: there is no such tenant.
    """
    if tenant not in where.local_tenants:
        raise no_such_tenant()
    return TenantAccess(TenantState.OPEN, None)


def access_of(versions: list[SecretVersion], now: float) -> TenantAccess:
    """Tell by the versions of the secret of a tenant whether it is open.

    Raises:
        NotFound: there are none.
    """
    if not versions:
        raise no_such_tenant()
    judged = standings(versions, now)
    newest = judged[0].version
    if not newest.enabled:
        return TenantAccess(TenantState.CLOSED, newest.expires)
    is_open = bool(having(VersionState.VALID, judged))
    state = TenantState.OPEN if is_open else TenantState.NO_VALID_TOKEN
    return TenantAccess(state, newest.expires)


def _as_json(found: Explanation) -> dict[str, object]:
    return {
        "tenant": found.tenant,
        "asked": found.asked,
        "verdict": found.verdict,
        "answer": answer_of(found, ENGLISH),
        "remedy": remedy_of(found, ENGLISH),
        "findings": [
            {"code": each.code, "parameters": dict(each.parameters), "text": text_of(each, ENGLISH)}
            for each in found.findings
        ],
        "requests": list(found.requests),
    }
