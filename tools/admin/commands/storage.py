"""`storage`: whether the storage is spoken to as it wants to be."""

from dataclasses import asdict
from typing import Any

import typer

from tools.admin import client_check, console
from tools.admin.client_check import Verdict
from tools.admin.client_contract import RULES
from tools.admin.commands.options import (
    EXIT_STATUS,
    AsJson,
    StorageEndpoint,
    TableName,
    now_in_milliseconds,
    place,
    run,
)
from tools.admin.errors import NotThereError
from tools.admin.places import Place
from tools.admin.storage import open_clients, open_storage
from tools.command_line import App, say

_SETTING = "SCIM_TABLE_CLIENT"

app = App(no_args_is_help=True, epilog=EXIT_STATUS)


@app.callback()
def main() -> None:
    """Check the storage."""


@app.command(epilog=EXIT_STATUS)
def verify(
    storage: StorageEndpoint = None, table: TableName = None, as_json: AsJson = False
) -> None:
    """Hold both clients of Table Storage to their contract, on the table that serves.

    The service speaks to Table Storage by its own client (`rest`) or by Microsoft's (`sdk`). Each
    inserts, reads and pages, commits transactions, has some rejected for each reason and at each
    place, sends one again, and one that is too large. All of it happens in a partition that belongs
    to no tenant, and is removed at the end; what a run that was killed has left, by a run 5 minutes
    later. It takes the role Storage Table Data Contributor, and some 200 calls.

    Exit status: 0 when both clients passed, 1 when one did not.
    """
    where = place(storage=storage, table=table)
    verdicts = run(_verify(where))
    setting = _to_set(verdicts)
    if as_json:
        console.show_json(
            {
                "clients": [
                    {**asdict(each), "passed": each.passed, "checks": len(RULES)}
                    for each in verdicts
                ],
                "set": setting,
            }
        )
    else:
        _tell_broken(verdicts)
        console.show_line(f"{'; '.join(map(_score, verdicts))}: {_advice(verdicts, setting)}")
    if not all(each.passed for each in verdicts):
        raise typer.Exit(1)


async def _verify(where: Place) -> list[Verdict]:
    async with open_storage(where) as storage:
        if not await storage.has_table():
            raise NotThereError(
                f"there is no table {where.settings.table_name} in {where.storage}: check --table,"
                " or let the service create it with the first request that it answers"
            )
    async with open_clients(where) as clients:
        return await client_check.check(clients, now_in_milliseconds())


def _to_set(verdicts: list[Verdict]) -> dict[str, str] | None:
    """Tell which setting the service needs; None when it needs none, or none helps."""
    passed = [each.client for each in verdicts if each.passed]
    return {_SETTING: "sdk"} if passed == ["sdk"] else None


def _score(verdict: Verdict) -> str:
    if verdict.passed:
        return f"{verdict.client} passed"
    return f"{verdict.client} did not pass ({len(verdict.broken)} of {len(RULES)} checks failed)"


def _advice(verdicts: list[Verdict], setting: dict[str, Any] | None) -> str:
    if all(each.passed for each in verdicts):
        return "nothing is to be set"
    if setting is not None:
        return f"set {_SETTING}=sdk, and report what failed"
    if any(each.passed for each in verdicts):
        return f"leave {_SETTING}=rest, which is the default"
    return "no setting helps; report what failed"


def _tell_broken(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        for broken in verdict.broken:
            say(f"{verdict.client}: {broken.rule}: no, {broken.why}")
