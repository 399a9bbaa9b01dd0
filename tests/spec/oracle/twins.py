"""Two servers that get the same requests: this service over HTTP, and scim2-server beside it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from tests.support.fakes import reference_server
from tests.support.fixtures.scim_client import PATCH_OP, Scim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scim2_server.applications.wsgi import WSGIApplication

    from tests.spec.oracle.generated import Json

SEARCH_REQUEST: Final = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@dataclass(frozen=True, slots=True)
class Answer:
    """What of an answer must be the same on both sides.

    Attributes:
        status: HTTP status.
        scim_type: Of an error.
        shown: The resource without what each service makes up itself (`id`, `meta`, `$ref`); or a
            `Page`; or of a bulk request the `Result` of each operation, by its number; None for an
            answer without any of them.
    """

    status: int
    scim_type: str | None
    shown: Any

    @property
    def is_done(self) -> bool:
        """Whether the request was carried out."""
        return self.status < 300


class Page(NamedTuple):
    """A ListResponse, with names for resources; without an order, the names are sorted."""

    total: int
    start: int
    length: int
    found: list[str]


class Result(NamedTuple):
    """What came of an operation of a bulk request; `status` is "done" for every success."""

    method: str
    bulk_id: str | None
    status: str
    scim_type: str | None
    is_located: bool


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
        return str(_asked(self.path, self.body).get("filter", ""))

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
        self.created: list[str] = []
        """Paths of what both have created: `/Users/<0>`."""

    def __repr__(self) -> str:
        return f"Twins({self.scim.tenant_url})"

    @property
    def latest(self) -> str:
        """The path of the resource that was created last."""
        return self.created[-1]

    async def send(self, method: str, path: str, body: Any = None) -> Exchange:
        """Send one request to both. What both create gets the next name."""
        response = await self.scim.request(
            method, _with_ids(path, self.ours), _with_ids(body, self.ours)
        )
        our_body = response.json() if response.content else {}
        their_status, their_body = reference_server.send(
            self.server, method, _with_ids(path, self.theirs), _with_ids(body, self.theirs)
        )
        if method == "POST" and response.status_code == their_status == 201:
            self._name(our_body["meta"]["location"], their_body["meta"]["location"])
        if path == "/Bulk" and response.status_code == their_status == 200:
            theirs = _created(their_body)
            for bulk_id, location in _created(our_body).items():
                if bulk_id in theirs:
                    self._name(location, theirs[bulk_id])
        in_order = "sortBy" in _asked(path, body)
        return Exchange(
            method,
            path,
            body,
            _answer(response.status_code, our_body, self.ours, in_order=in_order),
            _answer(their_status, their_body, self.theirs, in_order=in_order),
        )

    def _name(self, our_location: str, their_location: str) -> None:
        name = f"<{len(self.created)}>"
        _, endpoint, self.ours[name] = our_location.rsplit("/", 2)
        self.theirs[name] = their_location.rpartition("/")[2]
        self.created.append(f"/{endpoint}/{name}")

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

    async def page(self, endpoint: str, asked: Json, *, by_post: bool) -> Exchange:
        """Ask both for a page of a list."""
        if by_post:
            body = {"schemas": [SEARCH_REQUEST], **asked}
            return await self.send("POST", f"{endpoint}/.search", body)
        return await self.send("GET", f"{endpoint}?{urlencode(asked)}")


_NAME = re.compile(r"<\d+>")


def _with_ids(value: Any, ids: Mapping[str, str]) -> Any:
    """Replace the names in texts by the ids that they stand for."""
    if isinstance(value, dict):
        return {key: _with_ids(part, ids) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_ids(part, ids) for part in value]
    return _NAME.sub(lambda name: ids[name[0]], value) if isinstance(value, str) else value


def _asked(path: str, body: Any) -> Mapping[str, Any]:
    """Return the parameters of a query: those of the path, or a SearchRequest."""
    if path.endswith("/.search"):
        return dict(body)
    return dict(parse_qsl(path.partition("?")[2], keep_blank_values=True))


def _created(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the locations of what a bulk request has created, by bulkId."""
    return {
        result["bulkId"]: result["location"]
        for result in body["Operations"]
        if result["status"] == "201"
    }


def _result(result: Mapping[str, Any]) -> Result:
    failed = int(result["status"]) >= 400
    return Result(
        result["method"],
        result.get("bulkId"),
        result["status"] if failed else "done",
        result["response"].get("scimType") if failed else None,
        "location" in result,
    )


def _answer(
    status: int, body: Mapping[str, Any], ids: Mapping[str, str], *, in_order: bool
) -> Answer:
    names = {resource_id: name for name, resource_id in ids.items()}
    if status >= 400:
        return Answer(status, body.get("scimType"), None)
    if "Resources" in body or "totalResults" in body:
        found = [names[each["id"]] for each in body.get("Resources", [])]
        page = Page(
            body["totalResults"],
            body["startIndex"],
            body["itemsPerPage"],
            found if in_order else sorted(found),
        )
        return Answer(status, None, page)
    if "Operations" in body:
        results = enumerate(map(_result, body["Operations"]))
        return Answer(status, None, {str(number): result for number, result in results})
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
