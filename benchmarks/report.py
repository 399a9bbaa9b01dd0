"""The page of a run: results.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cpu import PORTION
from benchmarks.figures import apart, counted, ratio, table, written
from benchmarks.overload import rows
from benchmarks.results import LIST, PEERS, goals
from benchmarks.sampling import PARTS
from benchmarks.services import OURS, SCIMMY_PAGED, STORAGE

if TYPE_CHECKING:
    from benchmarks.results import Results

PLOT = "latency.svg"

_HEAD = """# Measured beside the peers

Written by `{command}` in {minutes:.0f} minutes. Ratios count, milliseconds do not: they are
those of one machine, on which the client, the services and Azurite share the cores. `make
bench` measures again; `make bench BENCH_ARGS=--quick` in four or five minutes;
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
times longer the peer takes. The client is in every figure, and is more of a short one.

*Storage alone* is what the calls of the operation to Azurite take without this service: they are
recorded, and sent bare to a second Azurite in the same state, those of one operation one after
the other, by as many clients (`benchmarks/alone.py`). The emulator is one Node.js process, which
takes about half a millisecond of CPU for any call and looks through the whole table for a query.
Table Storage does neither. What is left of *this service* is all that the service could save here;
where nothing is left, Azurite is busy all the time in both.

![Latency against the size of the directory and of the group]({plot})"""

_FLAT = """## Flat

`make bench`: the app in this process, from the entry of the function to its return, for two
tenants: calls to storage, entities written, and of one operation the CPU (`process_time`, in
microseconds) and the time (in milliseconds). Both tenants are in one table of one Azurite, because
Azurite takes longer the more rows there are, and a process that waits longer finds its caches
colder and takes more CPU for the same work. In one table it waits for both tenants, and what
differs is this service. (A query of the small tenant waits less all the same: Azurite looks at
every row, but passes over those of another partition faster.)

The directory of {users:,} users has {rows:,} rows. Tenants take turns every {portion} operations,
garbage is collected before each turn, and *apart* is the median over pairs of turns. Calls are
compared without reads of the deletions row (ids of deleted groups), which a process may remember
for a while: their number is a matter of time. Where the tenants differ, both figures are shown."""

_CPU = """## CPU of an operation

`make bench`: what one instance has to sell. `handler` is the app in this process from the entry
of the function to its return: token, SCIM, store, change row, line of the log. The floor is the
same requests to storage, recorded and sent again to a tenant in the same state by a bare loop,
which computes nothing but HTTP (`benchmarks/floor.py`): by aiohttp, which the service uses too,
and by http.client. They take turns every {portion} operations, and a multiple is the median over
the turns. `invocation` is the handler called through the runtime library that Azure runs, without
gRPC. Microseconds of CPU; one operation after the other. `calls` are without the deletions row, as
above."""

_SHARES = """Where the CPU of an invocation goes, by samples of the stack at a timer of CPU time
(`benchmarks/sampling.py`):"""

_CORE = """## The SCIM core alone

`make bench`: pure functions, microseconds of CPU (`benchmarks/core.py`)."""


_OVERLOAD = """## Under overload

`make bench`, or `python -m benchmarks.overload` alone: one instance that is offered more than it
can serve, with the limits and without them; milliseconds from when a request was due.
[performance.md](../docs/performance.md#under-overload) says what the columns mean."""


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
        *_flat(results),
        _CPU.format(portion=PORTION),
        _cpu(results),
        *_shares(results),
        _CORE,
        table(
            ["", "µs"],
            [[each.name, written(each.microseconds.median)] for each in results.pures],
        ),
        *([_OVERLOAD, rows(results.overloads)] if results.overloads else []),
    ]
    return "\n\n".join(sections) + "\n"


def _goals(results: Results) -> str:
    rows = [
        [each.name, each.target, each.reached, "yes" if each.is_reached else "**no**"]
        for each in goals(results)
    ]
    return table(["", "target", "reached", "enough"], rows)


def _latency(results: Results, users: int) -> str:
    peers = PEERS if users in results.shared_levels else ()
    title = f"### {users:,} users" + ("" if peers else ", this service alone")
    rows = []
    for operation in results.operations:
        found = [results.milliseconds(operation, each, users) for each in (OURS, STORAGE, *peers)]
        row = [operation, *(written(each.median if each else None) for each in found)]
        rows.append([*row, *(written(ratio(each, found[0])) for each in found[2:])])
    paged = results.milliseconds(LIST, SCIMMY_PAGED, users)
    if paged is not None:
        by = written(ratio(paged, results.milliseconds(LIST, OURS, users)))
        row = [f"the same page by {SCIMMY_PAGED}", "", "", "", written(paged.median), "", by]
        rows.append(row)
    head = ["", OURS, f"of it {STORAGE}", *peers, *(f"{peer}, ratio" for peer in peers)]
    return f"{title}\n\n" + table(head, rows)


def _failures(results: Results) -> list[str]:
    """Say what a service could not do."""
    lines = [
        f"- {each.service}, {each.operation}, {each.users:,} users: `{each.failure}`"
        for each in results.latencies
        if each.failure
    ]
    return ["Refused, and so not measured:\n\n" + "\n".join(lines)] if lines else []


def _flat(results: Results) -> list[str]:
    sizes = sorted({each.users for each in results.flats})
    head = ["", "calls", "entities", *(f"µs, {users:,}" for users in sizes), "apart"]
    head += [f"ms, {users:,}" for users in sizes]
    rows = []
    for pair in results.pairs:
        small, large = pair
        calls = dict.fromkeys(counted(each.calls + each.reads_of_deletions) for each in pair)
        entities = dict.fromkeys(counted(each.entities) for each in pair)
        row = [small.operation, " and ".join(calls), " and ".join(entities)]
        row += [written(each.microseconds) for each in pair]
        row.append(f"{apart(small.portions, large.portions):+.0%}")
        rows.append([*row, *(written(each.milliseconds) for each in pair)])
    text = _FLAT.format(users=sizes[-1], rows=results.rows, portion=PORTION)
    return [text, table(head, rows)]


def _cpu(results: Results) -> str:
    rows = [
        [
            each.operation,
            counted(each.calls),
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
