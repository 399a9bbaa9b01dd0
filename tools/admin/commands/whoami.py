"""`whoami`: which vault, which storage, as whom, and what is missing."""

from dataclasses import asdict
from typing import Any

import typer

from tools.admin import access, console
from tools.admin.access import Access
from tools.admin.commands.options import (
    AsJson,
    StorageEndpoint,
    TableName,
    Vault,
    place,
    run,
)
from tools.admin.errors import NoAccessError
from tools.admin.places import Place
from tools.admin.sign_in import Identity


def whoami(
    vault: Vault = None,
    storage: StorageEndpoint = None,
    table: TableName = None,
    as_json: AsJson = False,
) -> None:
    """Show who is signed in, which vault and storage are used, and whether they can be read.

    For what is refused it shows the az command by which an owner of the subscription grants it;
    a new role takes some minutes to be in force. Nothing is written to find out.

    Exit status: 0 when all that is named can be read, 1 when something is missing.
    """
    where = place(vault=vault, storage=storage, table=table)
    identity, problem, accesses = run(_look(where))
    if as_json:
        console.show_json(
            {
                "signed_in": None if identity is None else asdict(identity),
                "problem": problem,
                "access": [asdict(each) for each in accesses],
            }
        )
    else:
        _show(where, identity, problem, accesses)
    if problem is not None or not access.is_enough(accesses):
        raise typer.Exit(1)


async def _look(where: Place) -> tuple[Identity | None, str | None, list[Access]]:
    needs_sign_in = not where.is_local or where.settings.key_vault_url is not None
    identity, problem = None, None
    if needs_sign_in:
        try:
            identity = await access.who(where)
        except NoAccessError as error:
            return None, str(error), []
    return identity, problem, [await access.to_vault(where), await access.to_storage(where)]


def _show(
    where: Place, identity: Identity | None, problem: str | None, accesses: list[Access]
) -> None:
    fields: dict[str, Any] = {}
    if identity is not None:
        fields["signed in"] = identity.name or "somebody whom the token does not name"
        fields["object id"] = identity.object_id
    elif problem is not None:
        fields["signed in"] = f"no: {problem}"
    elif where.is_local:
        fields["signed in"] = "not needed for the service on this machine"
    console.show_fields(fields)
    for each in accesses:
        console.show_line("")
        console.show_fields(
            {
                each.what: each.where or each.answer,
                "readable": None if each.where is None else each.answer,
                "": each.note,
            }
        )
