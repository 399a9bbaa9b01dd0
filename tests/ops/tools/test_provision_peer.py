"""The client against a SCIM server that others wrote: scim2-server, with its storage in memory.

What that server's strictness forbids:
- Without a policy it refuses Entra's own requests: the unknown schema URI of a new group, a
  filter path whose element does not exist yet, the removal of members by value.
- With the policy for Entra it still refuses a manager that is bare text (RFC 7643 section 4.3),
  and a filter on `manager` without its URN. Hence `--manager object`, and no reference checks.
- It shows no groups of a user, and leaves a deleted user in its groups.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from scim2_models import ScimPolicy

from tests.support.fakes.reference_server import ENTRA, application
from tools.provision.client import ScimClient
from tools.provision.cycle import Settings
from tools.provision.directory import Directory, Group
from tools.provision.generator import evolve, generate
from tools.provision.readback import Verification
from tools.provision.report import Silence
from tools.provision.results import Ledger, Operation
from tools.provision.run import Plan, Report, provision
from tools.provision.state import State, SyncedGroup
from tools.provision.wire import Dialect, ManagerShape

OBJECT = Settings(manager=ManagerShape.OBJECT)
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
READ_BACK = Verification(samples=5, user_groups=False)


class ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64  # each answer of wsgiref ends its connection


class QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def serve(policy: ScimPolicy) -> Iterator[str]:
    with make_server(
        "127.0.0.1",
        0,
        application(policy),
        server_class=ThreadingServer,
        handler_class=QuietHandler,
    ) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v2"
        server.shutdown()
        thread.join()


@pytest.fixture
def peer() -> Iterator[str]:
    yield from serve(ENTRA)


@pytest.fixture
def strict_peer() -> Iterator[str]:
    yield from serve(ScimPolicy())


async def run(url: str, *directories: Directory, settings: Settings) -> Report:
    async with ScimClient(url, "any", Ledger()) as client:
        return await provision(
            client, Plan(directories, settings, READ_BACK), State(url), Silence()
        )


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_directory_and_its_next_states_arrive_whole(peer: str, dialect: Dialect) -> None:
    states = [generate(users=12, groups=6, seed=7)]
    for seed in (1, 2):
        states.append(without_purges(states[-1], evolve(states[-1], seed)))
    settings = Settings(dialect=dialect, manager=ManagerShape.OBJECT, batch=5)
    report = await run(peer, *states, settings=settings)
    assert report.failures == []
    assert report.differences == []
    done = {row.operation: row.ok for row in report.rows}
    assert done["create user"] == len(states[-1].users)
    assert {"disable user", "restore user", "remove members", "delete group"} <= done.keys()


async def test_the_read_back_finds_a_deleted_user_that_stays_a_member(peer: str) -> None:
    initial = generate(users=4, groups=1, seed=7)
    gone = initial.users[-1].id
    group = replace(initial.groups[0], members=tuple({*initial.groups[0].members} - {gone}))
    later = Directory(initial.users[:-1], (group,))
    report = await run(peer, initial, later, settings=OBJECT)
    assert report.failures == []
    (difference,) = report.differences or []
    assert (difference.subject, difference.what) == ("group All staff", "members")
    assert difference.expected == "absent"


async def test_bare_text_as_manager_is_refused_and_stops_nothing_else(peer: str) -> None:
    report = await run(peer, generate(users=3, groups=1, seed=7), settings=Settings())
    assert {failure.operation for failure in report.failures} == {"set manager"}
    assert len(report.failures) == 2
    assert {difference.what for difference in report.differences or []} == {"manager"}


async def test_a_strict_server_refuses_a_group_with_entras_schema(strict_peer: str) -> None:
    report = await run(strict_peer, generate(users=2, groups=1, seed=7), settings=OBJECT)
    (failure,) = report.failures
    assert failure.operation == "create group"
    assert "Unknown extension schemas" in failure.detail


async def test_a_strict_server_refuses_a_filter_path_that_matches_nothing(
    strict_peer: str,
) -> None:
    user = generate(users=1, groups=0, seed=7).users[0]
    fax = 'phoneNumbers[type eq "fax"].value'
    without = {path: value for path, value in user.values.items() if path != fax}
    states = [
        Directory((replace(user, values=values),), ())
        for values in (without, {**without, fax: "1"})
    ]
    report = await run(strict_peer, *states, settings=OBJECT)
    (failure,) = report.failures
    assert (failure.operation, failure.status) == ("update user", 400)
    assert "noTarget" in failure.detail


async def test_a_strict_server_refuses_to_remove_members_by_value(strict_peer: str) -> None:
    people = generate(users=1, groups=0, seed=7).users
    state = State(strict_peer)
    async with ScimClient(strict_peer, "any", Ledger()) as client:
        known = await client.call(
            Operation.CREATE_GROUP, "POST", "/Groups", {"schemas": [GROUP], "displayName": "G"}
        )
        state.groups["g"] = SyncedGroup(known["id"], "G")
        states = [
            Directory(people, (Group("g", "G", members),)) for members in ((people[0].id,), ())
        ]
        report = await provision(client, Plan(states, OBJECT), state, Silence())
    (failure,) = report.failures
    assert (failure.operation, failure.status) == ("remove members", 400)


def without_purges(before: Directory, after: Directory) -> Directory:
    """Keep everybody: the peer leaves a deleted user in its groups."""
    kept = {user.id for user in after.users}
    purged = tuple(user for user in before.users if user.id not in kept)
    return replace(after, users=(*after.users, *purged))
