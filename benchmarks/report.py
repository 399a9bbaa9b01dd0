"""The page of a run: results.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figures import ratio, table, written
from benchmarks.results import LIST, PEERS, goals
from benchmarks.sampling import PARTS
from benchmarks.services import OURS, SCIMMY_PAGED

if TYPE_CHECKING:
    from benchmarks.results import Results

PLOT = "latency.svg"

_HEAD = """# Measured beside the peers

Written by `{command}` in {minutes:.0f} minutes. Ratios count, milliseconds do not: they are
those of one machine, on which the client, the services and Azurite share the cores. `make
bench` measures again; `make bench BENCH_ARGS=--quick` in two or three minutes;
`.venv-bench/bin/python -m benchmarks --help` lists the sizes that can be chosen.

{machine}

The peers keep everything in memory and lose it at their end. This service writes every change
to Table Storage, here Azurite (a process of its own, in memory), in one transaction with its
change row. All of them run behind one bearer token, on loopback, one process each, without TLS.
scim2-server has its policy for Entra and runs on uvicorn with uvloop and httptools.
scimmy-routers runs with handlers of ours that look resources up in a `Map`; `{paged}` gives the
library no more than the page it lists, by a property that the library reads but does not
document for handlers."""

_LATENCY = """## Latency

`make bench`, {clients} clients with a connection each: median of the rounds' medians, in
milliseconds. Services take turns operation by operation in each round. All users but 200 are
members of one group, so "1,000 users" is also a group of 1,000 members. The ratio says how many
times longer the peer takes.

![Latency against the size of the directory and of the group]({plot})"""

_FLAT = """## Flat

`make bench`: the app in this process, from the entry of the function to its return, on two
Azurites that were seeded through the store's tables: calls to storage, entities written and CPU
(`process_time`) of one operation, in microseconds. The CPU of Azurite is not in it: its queries
look through the whole table, which is why its time, and so the latency above, grows with the
directory although calls and entities do not (100,000 users are 500,000 rows). CPU of writes grows
with the time that Azurite takes, not with the work: a process that wakes after milliseconds finds
its caches cold. A small directory shows the same when its transactions are held up by 5 ms. Row
`q`, which the app reads once in two seconds while it shows users in groups, is not counted."""

_CPU = """## CPU of an operation

`make bench`: what one instance has to sell. `handler` is the app in this process from the entry
of the function to its return: token, SCIM, store, change row, line of the log. The floor is the
same requests to storage, recorded and sent again to a tenant in the same state by a bare loop,
which computes nothing but HTTP (`benchmarks/floor.py`): by aiohttp, which the service uses too,
and by http.client. `invocation` is the handler called through the runtime library that Azure
runs, without gRPC. Microseconds of CPU; one operation after the other. `calls` are without row
`q`, as above."""

_SHARES = """Where the CPU of an invocation goes, by samples of the stack at a timer of CPU time
(`benchmarks/sampling.py`):"""

_CORE = """## The SCIM core alone

`make bench`: pure functions, microseconds of CPU (`benchmarks/core.py`)."""


def page(results: Results) -> str:
    """Write the page."""
    machine = table(["", ""], [[name, text] for name, text in results.machine.items()])
    head = _HEAD.format(
        command=results.command, minutes=results.minutes, machine=machine, paged=SCIMMY_PAGED
    )
    sections = [
        head,
        "## Target and reached",
        _goals(results),
        _LATENCY.format(clients=results.clients, plot=PLOT),
        *(_latency(results, users) for users in results.levels),
        *_failures(results),
        _FLAT,
        _flat(results),
        _CPU,
        _cpu(results),
        *_shares(results),
        _CORE,
        table(
            ["", "µs"],
            [[each.name, written(each.microseconds.median)] for each in results.pures],
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _goals(results: Results) -> str:
    rows = [
        [each.name, each.target, each.reached, "yes" if each.is_reached else "**no**"]
        for each in goals(results)
    ]
    return table(["", "target", "reached", "enough"], rows)


def _latency(results: Results, users: int) -> str:
    if users not in results.shared_levels:
        rows = [
            [each, written(found.median)]
            for each in results.operations
            if (found := results.milliseconds(each, OURS, users))
        ]
        return f"### {users:,} users, this service alone\n\n" + table(["", OURS], rows)
    rows = []
    for operation in results.operations:
        ours = results.milliseconds(operation, OURS, users)
        theirs = [results.milliseconds(operation, peer, users) for peer in PEERS]
        row = [operation, written(ours.median if ours else None)]
        row += [written(each.median if each else None) for each in theirs]
        rows.append([*row, *(written(ratio(each, ours)) for each in theirs)])
    paged = results.milliseconds(LIST, SCIMMY_PAGED, users)
    if paged is not None:
        by = written(ratio(paged, results.milliseconds(LIST, OURS, users)))
        rows.append([f"the same page by {SCIMMY_PAGED}", "", "", written(paged.median), "", by])
    head = ["", OURS, *PEERS, *(f"{peer}, ratio" for peer in PEERS)]
    return f"### {users:,} users\n\n" + table(head, rows)


def _failures(results: Results) -> list[str]:
    """Say what a service could not do."""
    lines = [
        f"- {each.service}, {each.operation}, {each.users:,} users: `{each.failure}`"
        for each in results.latencies
        if each.failure
    ]
    return ["Refused, and so not measured:\n\n" + "\n".join(lines)] if lines else []


def _flat(results: Results) -> str:
    sizes = list(dict.fromkeys(each.users for each in results.flats))
    head = ["", *(f"{what}, {users:,}" for what in ("calls", "entities", "µs") for users in sizes)]
    rows = []
    for operation in dict.fromkeys(each.operation for each in results.flats):
        pair = [each for each in results.flats if each.operation == operation]
        figures = [f"{each.calls:g}" for each in pair] + [f"{each.entities:g}" for each in pair]
        figures += [written(each.microseconds.median) for each in pair]
        rows.append([operation, *figures])
    return table(head, rows)


def _cpu(results: Results) -> str:
    rows = [
        [
            each.operation,
            f"{each.calls:g}",
            written(each.handler.median),
            written(each.by_aiohttp.median),
            f"{each.multiple:.2f}",
            written(each.by_http_client.median),
            f"{each.handler.median / each.by_http_client.median:.2f}",
            written(each.runtime.median if each.runtime else None),
        ]
        for each in results.costs
    ]
    head = ["", "calls", "handler", "floor, aiohttp", "multiple"]
    return table([*head, "floor, http.client", "multiple", "invocation"], rows)


def _shares(results: Results) -> list[str]:
    rows = [
        [each.operation, *(f"{each.shares[part]:.0%}" for part in PARTS)]
        for each in results.costs
        if each.runtime is not None
    ]
    return [_SHARES, table(["", *PARTS], rows)] if rows else []
