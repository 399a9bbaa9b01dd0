"""A service that records every request, for the tests of a SCIM client."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came over the wire; `target` is the path with its query, still encoded."""

    method: str
    target: str
    headers: dict[str, str]
    body: Any

    @property
    def operations(self) -> list[dict[str, Any]]:
        """The operations of a PATCH."""
        return list(self.body["Operations"])


@dataclass(slots=True)
class RecordingService:
    """Keeps what is posted, finds by `eq`, pages; applies no PATCH, and says what it is told to.

    Attributes:
        url: Tenant URL.
        requests: everything that came in.
        users: resources by id.
        groups: resources by id.
        created: how many resources were posted, by endpoint; ids count up.
        peers: the sockets that requests came from.
        script: answers to give first, in order, to requests whose `METHOD path` begins so.
    """

    url: str = ""
    requests: list[Recorded] = field(default_factory=list)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    peers: set[Any] = field(default_factory=set)
    script: dict[str, list[web.Response]] = field(default_factory=dict)

    def sent(self, method: str, path: str = "") -> list[Recorded]:
        """Return the requests of a method whose path begins so."""
        return [
            each
            for each in self.requests
            if each.method == method and each.target.startswith(f"/scim/v2{path}")
        ]

    def tell(self, what: str, *answers: web.Response) -> None:
        """Script answers to requests whose `METHOD /path` begins with `what`."""
        self.script.setdefault(what, []).extend(answers)

    async def handle(self, request: web.Request) -> web.Response:
        """Record a request and answer it."""
        content = await request.read()
        self.peers.add(request.transport and request.transport.get_extra_info("peername"))
        recorded = Recorded(
            request.method,
            request.raw_path,
            dict(request.headers),
            json.loads(content) if content else None,
        )
        self.requests.append(recorded)
        path = recorded.target.removeprefix("/scim/v2")
        for what, answers in self.script.items():
            if answers and f"{recorded.method} {path}".startswith(what):
                return answers.pop(0)
        return self._answer(recorded, path)

    def _answer(self, recorded: Recorded, path: str) -> web.Response:
        path, _, query = path.partition("?")
        _, kind, *identifiers = path.split("/")
        held = self.users if kind == "Users" else self.groups
        if recorded.method == "POST":
            self.created[kind] += 1
            identifier = f"{kind[0].lower()}{self.created[kind]}"
            held[identifier] = {**recorded.body, "id": identifier}
            return answer(201, held[identifier])
        if not identifiers:
            return self._list(list(held.values()), parse_qs(query))
        if identifiers[0] not in held:
            return refusal(404, "no such resource")
        if recorded.method == "GET":
            return answer(200, held[identifiers[0]])
        if recorded.method == "DELETE":
            del held[identifiers[0]]
        return web.Response(status=204)

    def _list(self, held: list[dict[str, Any]], query: dict[str, list[str]]) -> web.Response:
        for term in query.get("filter", [""])[0].split(" and "):
            path, _, literal = term.rpartition(" eq ")
            held = [each for each in held if not path or each.get(path) == json.loads(literal)]
        if "members" in query.get("excludedAttributes", []):
            held = [
                {key: value for key, value in each.items() if key != "members"} for each in held
            ]
        start = int(query.get("startIndex", ["1"])[0])
        count = int(query.get("count", ["1000"])[0])
        page = held[start - 1 : start - 1 + count]
        return answer(
            200,
            {
                "schemas": [LIST],
                "totalResults": len(held),
                "startIndex": start,
                "itemsPerPage": len(page),
                "Resources": page,
            },
        )


def answer(status: int, body: Any, **headers: str) -> web.Response:
    """Build an answer with a JSON body; underscores in header names become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/scim+json", **named},
    )


def refusal(status: int, detail: str, scim_type: str | None = None, **headers: str) -> web.Response:
    """Build a SCIM error."""
    body = {"status": str(status), "detail": detail}
    return answer(status, body | ({"scimType": scim_type} if scim_type else {}), **headers)


@asynccontextmanager
async def serving() -> AsyncIterator[RecordingService]:
    """Serve a fresh recording service on a free port of the loopback."""
    recording = RecordingService()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", recording.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    recording.url = f"http://{host}:{port}/scim/v2"
    yield recording
    await runner.cleanup()
