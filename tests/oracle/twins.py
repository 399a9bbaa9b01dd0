"""Two servers that get the same requests: this service over HTTP, and scim2-server beside it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from tests.fakes import reference_server
from tests.fixtures.scim_client import PATCH_OP, Scim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scim2_server.applications.wsgi import WSGIApplication

    from tests.oracle.generated import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """What of an answer must be the same on both sides.

    Attributes:
        status: HTTP status.
        scim_type: Of an error.
        shown: The resource without what each service makes up itself (`id`, `meta`, `$ref`), or
            the names of the resources that a filter finds; None for an answer without either.
    """

    status: int
    scim_type: str | None
    shown: Any

    @property
    def is_done(self) -> bool:
        """Whether the request was carried out."""
        return self.status < 300


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its two answers."""

    method: str
    path: str
    body: Any
    ours: Answer
    theirs: Answer

    @property
    def operations(self) -> list[Json]:
        """The operations of a PATCH; none of any other request."""
        return list(self.body["Operations"]) if self.method == "PATCH" else []

    @property
    def condition(self) -> str:
        """The filter that is asked for; empty for none."""
        return unquote(self.path.partition("?filter=")[2])

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.method} {self.path} {json.dumps(self.body, ensure_ascii=False)}",
                f"  this service: {self.ours}",
                f"  scim2-server: {self.theirs}",
            ]
        )


class Twins:
    """A tenant of the service and a server of the others, in the same state.

    Ids differ, so a resource has a name such as `<0>`, which stands for its id in paths and bodies
    that are sent, and in what is compared.

    Args:
        scim: A client of the tenant, which holds nothing yet.
    """

    def __init__(self, scim: Scim) -> None:
        self.scim = scim
        self.server: WSGIApplication = reference_server.application(reference_server.ENTRA)
        self.ours: dict[str, str] = {}
        self.theirs: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Twins({self.scim.tenant_url})"

    @property
    def latest(self) -> str:
        """The name of the resource that was created last."""
        return f"<{len(self.ours) - 1}>"

    async def send(self, method: str, path: str, body: Any = None) -> Exchange:
        """Send one request to both. A resource that both create gets the next name."""
        response = await self.scim.request(
            method, _with_ids(path, self.ours), _with_ids(body, self.ours)
        )
        our_body = response.json() if response.content else {}
        their_status, their_body = reference_server.send(
            self.server, method, _with_ids(path, self.theirs), _with_ids(body, self.theirs)
        )
        if method == "POST" and response.status_code == their_status == 201:
            name = f"<{len(self.ours)}>"
            self.ours[name], self.theirs[name] = our_body["id"], their_body["id"]
        return Exchange(
            method,
            path,
            body,
            _answer(response.status_code, our_body, self.ours),
            _answer(their_status, their_body, self.theirs),
        )

    async def patch(self, path: str, operations: list[Json]) -> Exchange:
        """Send operations to both; what is compared is what each shows afterwards."""
        exchange = await self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": operations})
        after = await self.send("GET", path)
        return Exchange(
            exchange.method,
            path,
            exchange.body,
            Answer(exchange.ours.status, exchange.ours.scim_type, after.ours.shown),
            Answer(exchange.theirs.status, exchange.theirs.scim_type, after.theirs.shown),
        )

    async def find(self, endpoint: str, condition: str) -> Exchange:
        """Ask both what a filter finds."""
        return await self.send("GET", f"{endpoint}?filter={quote(condition)}")


_NAME = re.compile(r"<\d+>")


def _with_ids(value: Any, ids: Mapping[str, str]) -> Any:
    """Replace the names in texts by the ids that they stand for."""
    if isinstance(value, dict):
        return {key: _with_ids(part, ids) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_ids(part, ids) for part in value]
    return _NAME.sub(lambda name: ids[name[0]], value) if isinstance(value, str) else value


def _answer(status: int, body: Mapping[str, Any], ids: Mapping[str, str]) -> Answer:
    names = {resource_id: name for name, resource_id in ids.items()}
    if status >= 400:
        return Answer(status, body.get("scimType"), None)
    if "Resources" in body or "totalResults" in body:
        found = sorted(names[each["id"]] for each in body.get("Resources", []))
        return Answer(status, None, (body["totalResults"], found))
    if not body:
        return Answer(status, None, None)
    shown = {name: part for name, part in body.items() if name not in {"id", "meta"}}
    shown["schemas"] = sorted(shown["schemas"])
    shown = _comparable(shown, names)
    if "members" in shown:
        shown["members"].sort(key=lambda member: str(member["value"]))
    return Answer(status, None, shown)


def _comparable(value: Any, names: Mapping[str, str]) -> Any:
    """Return a part of a resource with names for ids, and without the `$ref` made of them."""
    if isinstance(value, dict):
        return {key: _comparable(part, names) for key, part in value.items() if key != "$ref"}
    if isinstance(value, list):
        return [_comparable(part, names) for part in value]
    return names.get(value, value) if isinstance(value, str) else value
