"""/Bulk: its operations, each served as the request that it stands for (RFC 7644 section 3.7)."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from scim_protocol.root import all_handlers
from shared.errors import Conflict, NotFound
from shared.scim.bulk import BulkOperation, BulkStep, references, resolve_references, steps, without
from shared.scim.folding import fold
from shared.scim.messages import bulk_response, parse_bulk
from shared.scim.schema import Document
from shared.tables.request_context import Meter
from shared.telemetry.request_record import RequestRecord
from shared.web import responses
from shared.web.bodies import PartOfBody
from shared.web.request_log import write_line
from shared.web.requests import ScimRequest
from shared.web.resource_handlers import ResourceHandlers
from shared.web.respond import handler_of, run
from shared.web.responses import ScimResponse
from shared.web.services import Services

TOGETHER = 8
"""Operations that are under way at once, where their order makes no difference."""

_UNDO_SECONDS = 10.0
_ENDED = "The request ended before."


async def run_bulk(request: ScimRequest, services: Services) -> ScimResponse:
    """POST /Bulk: 200 with what became of each operation, whether or not all of them succeeded."""
    core, is_closed = services.catalogue.core_schemas, request.is_interop
    plan, number, fail_on_errors = await request.make(
        lambda body: _plan(body, core, is_closed=is_closed)
    )
    services.rate_limit.take_bulk(request.context.tenant, number)
    results = await _BulkRun(request, services, fail_on_errors).run(plan)
    return ScimResponse(200, bulk_response(results))


def _plan(
    body: Any, core_schemas: frozenset[str], *, is_closed: bool
) -> tuple[list[BulkStep], int, int | None]:
    """Read a bulk request: what to do in which order, for how many operations, `failOnErrors`."""
    operations, fail_on_errors = parse_bulk(body, core_schemas, is_closed=is_closed)
    return steps(operations), len(operations), fail_on_errors


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of an operation; `location` is "" where there is none."""

    operation: BulkOperation
    response: ScimResponse
    location: str

    @property
    def has_failed(self) -> bool:
        return self.response.status >= 400

    def document(self) -> Document:
        """Describe it for the answer (RFC 7644 section 3.7): a refusal with its Error message."""
        document: Document = {"method": self.operation.method}
        if self.operation.bulk_id is not None:
            document["bulkId"] = self.operation.bulk_id
        if self.location:
            document["location"] = self.location
        if "ETag" in self.response.headers:
            document["version"] = self.response.headers["ETag"]
        document["status"] = str(self.response.status)
        if self.has_failed:
            document["response"] = self.response.body
        return document


class _Claim(NamedTuple):
    """A value that one resource alone may have; folded, because few may differ in letter case."""

    endpoint: str
    attribute: str
    value: str


class _BulkRun:
    """The operations of one bulk request on their way.

    Every operation is served by the handler of its endpoint and is atomic by itself; nothing is
    taken back because another one failed. The exception are resources that refer to each other in
    a circle. One of them is created without the reference that closes it: when that cannot be set
    afterwards, it is deleted again, and with it whatever was created with a reference to it.
    """

    def __init__(
        self, request: ScimRequest, services: Services, fail_on_errors: int | None
    ) -> None:
        self._request = request
        self._services = services
        self._errors_accepted = fail_on_errors
        self._handlers = {each.path.lower(): each for each in all_handlers(services.catalogue)}
        self._ids: dict[str, str] = {}
        self._created: dict[str, BulkOperation] = {}
        self._references: dict[str, frozenset[str]] = {}
        self._incomplete: set[str] = set()
        self._results: dict[int, _Result] = {}

    async def run(self, plan: Sequence[BulkStep]) -> list[Document]:
        """Do what is planned; describe what became of each operation, in the request's order.

        Operations that were not begun when `failOnErrors` was reached are left out.
        """
        width = TOGETHER if self._errors_accepted is None else 1
        for together in self._batches(plan, width):
            await asyncio.gather(*map(self._take_step, together))
            if self._is_over:
                break
        await self._undo_all(dict.fromkeys(self._built_on(self._incomplete), _ENDED))
        return [result.document() for _, result in sorted(self._results.items())]

    @property
    def _is_over(self) -> bool:
        if self._errors_accepted is None:
            return False
        errors = sum(result.has_failed for result in self._results.values())
        return errors >= self._errors_accepted

    def _batches(self, plan: Sequence[BulkStep], width: int) -> Iterator[list[BulkStep]]:
        """Cut a plan into what may be under way at once: creates, or deletes, in a row.

        Of two creates of one name the first must get it, so the second is in another batch.
        """
        batch: list[BulkStep] = []
        claimed: set[_Claim] = set()
        for step in plan:
            claims = self._claims(step.operation)
            joins = len(batch) < width and _joins(batch, step) and not claims & claimed
            if batch and not joins:
                yield batch
                batch, claimed = [], set()
            batch.append(step)
            claimed |= claims
        if batch:
            yield batch

    def _claims(self, operation: BulkOperation) -> set[_Claim]:
        """Return what a create wants to be the only one with."""
        handlers = self._handlers.get(operation.path.strip("/").lower())
        if handlers is None or operation.method != "POST" or not isinstance(operation.data, dict):
            return set()
        resource_type = handlers.source(self._request, self._services).resource_type
        unique = resource_type.unique
        return {
            _Claim(handlers.path, path.attribute.name, fold(str(value)))
            for name, value in operation.data.items()
            if (path := resource_type.find(name)) is not None and path.attribute in unique
        }

    async def _take_step(self, step: BulkStep) -> None:
        if step.completes:
            await self._complete(step.operation)
            return
        operation = step.operation
        response = await self._serve(without(operation, step.later), self._request)
        location = response.headers.get("Location") or self._location(operation)
        self._results[operation.index] = _Result(operation, response, location)
        if operation.method == "POST" and response.status < 300:
            bulk_id = str(operation.bulk_id)
            self._ids[bulk_id], self._created[bulk_id] = response.resource_id, operation
            if step.later:
                self._incomplete.add(bulk_id)
            if self._incomplete:  # nothing else is built on a circle that is still open
                self._references[bulk_id] = references(operation)

    async def _complete(self, operation: BulkOperation) -> None:
        """Put the reference that closes a circle into a resource that was created without it.

        Where that is refused the circle is taken back at once, so that nothing else of the request
        is done to it.
        """
        bulk_id = str(operation.bulk_id)
        if bulk_id not in self._incomplete:
            return
        whole = replace(operation, method="PUT", path=self._path_of(operation))
        response = await self._serve(whole, self._request)
        if response.status >= 300:
            why = str((response.body or {})["detail"])
            refused = dict.fromkeys(self._built_on([bulk_id]), why)
            await self._undo_all(refused)
            result = self._results[operation.index]
            if response.status == 400 and not result.location:  # sending it again would not help
                self._results[operation.index] = replace(result, response=response)
            return
        self._incomplete.discard(bulk_id)
        created = self._results[operation.index]
        completed = replace(response, status=created.response.status)
        self._results[operation.index] = replace(created, response=completed)

    def _built_on(self, bulk_ids: Iterable[str]) -> list[str]:
        """Return resources, and those that were created with a reference to one, or to those."""
        found = dict.fromkeys(bulk_ids)
        left = list(found)
        while left:
            name = left.pop()
            more = [
                each
                for each, named in self._references.items()
                if name in named and each in self._ids and each not in found
            ]
            found.update(dict.fromkeys(more))
            left += more
        return list(found)

    async def _undo_all(self, refused: Mapping[str, str]) -> None:
        """Delete resources whose circles could not be closed, past the deadline if need be.

        All of them together have the same few seconds past it: however many there are, and however
        slow the storage is, the client is answered.

        Args:
            refused: why, by bulk id.
        """
        deadline = self._request.context.deadline + _UNDO_SECONDS
        request = replace(self._request, context=replace(self._request.context, deadline=deadline))
        left = list(refused.items())
        for start in range(0, len(left), TOGETHER):
            undone = (self._undo(request, *each) for each in left[start : start + TOGETHER])
            await asyncio.gather(*undone)

    async def _undo(self, request: ScimRequest, bulk_id: str, why: str) -> None:
        """Delete a resource again, and say why in the place of its success."""
        operation = self._created[bulk_id]
        path = self._path_of(operation)
        del self._ids[bulk_id]  # so that nothing else refers to it any more
        self._incomplete.discard(bulk_id)
        response = await self._serve(BulkOperation(operation.index, "DELETE", path), request)
        is_gone = response.status in {204, 404}
        outcome = (
            "was not created. Send the operations of the circle again."
            if is_gone
            else "could not be deleted again. It exists without that reference: delete it."
        )
        error = Conflict(
            "A reference by which resources of this request refer to each other in a circle could "
            f"not be set, so this one {outcome} The reason: {why}"
        )
        location = "" if is_gone else self._results[operation.index].location
        self._results[operation.index] = _Result(operation, responses.of_error(error), location)

    def _path_of(self, created: BulkOperation) -> str:
        """Write the path of the resource that a POST has created."""
        return f"{created.path.rstrip('/')}/{self._ids[str(created.bulk_id)]}"

    async def _serve(self, operation: BulkOperation, request: ScimRequest) -> ScimResponse:
        """Serve one operation as a request of its own, which has its own line in the log."""
        context = replace(
            request.context,
            method=operation.method,
            position=operation.index,
            meter=Meter(),
            transactions=0,
            skipped=[],
        )
        record = RequestRecord(context.request_id, operation.method, "Bulk")
        record.tenant, record.token, record.meter = context.tenant, context.actor, context.meter
        record.body, record.skipped = PartOfBody(operation.data), context.skipped
        record.position = operation.index
        part = replace(request, method=operation.method, context=context)
        response = await run(self._dispatch(operation, part, record), record, self._report)
        request.context.meter.add(context.meter)
        request.context.has_removed |= context.has_removed
        return response

    def _report(self, record: RequestRecord) -> None:
        """Report an operation as a request of its own, to the log and to that of the tenant."""
        write_line(record)
        self._services.recorder.take(record)

    async def _dispatch(
        self, operation: BulkOperation, request: ScimRequest, record: RequestRecord
    ) -> ScimResponse:
        resolved = resolve_references(operation, self._ids)
        handlers, resource_id = self._find_handlers(resolved)
        record.route = f"Bulk/{handlers.path}" + ("/{id}" if resource_id else "")
        record.resource_id = resource_id
        # Nothing is begun late: what takes back its own failure would do so past the deadline.
        request.context.remaining()
        by_method = handlers.item if resource_id else handlers.collection
        handler = handler_of(by_method, request.method)
        part = replace(
            request,
            # Nobody is shown the resource, so neither the members of a group nor the groups that
            # the groups of a user are in need be read for it.
            query={"excludedattributes": "members,groups"},
            headers={} if resolved.version is None else {"if-match": resolved.version},
            resource_id=resource_id,
            read=lambda: resolved.data,
        )
        return await handler(part, self._services)

    def _find_handlers(self, operation: BulkOperation) -> tuple[ResourceHandlers[Any], str]:
        """Return the handlers of the type that a path names, and the id in it or "" without one.

        Raises:
            NotFound: the path is none of an endpoint of resources, or of a resource.
        """
        name, *rest = operation.path.strip("/").split("/")
        handlers = self._handlers.get(name.lower())
        if handlers is None or len(rest) > 1:
            paths = ", ".join(f"/{each.path}" for each in self._handlers.values())
            raise NotFound(f"The path of a bulk operation begins with one of: {paths}.")
        return handlers, unquote(rest[0]) if rest else ""

    def _location(self, operation: BulkOperation) -> str:
        """Write the URL of what an operation changes; "" for what it would have created."""
        if operation.method == "POST":
            return ""
        with contextlib.suppress(Conflict):  # then what it refers to has no URL
            operation = resolve_references(operation, self._ids)
        return f"{self._request.tenant_url}/{operation.path.strip('/')}"


def _joins(batch: Sequence[BulkStep], step: BulkStep) -> bool:
    """Tell whether a step comes to the same before, after, and at the time of those of a batch."""
    methods = {each.operation.method for each in (*batch, step)}
    if methods == {"POST"}:
        created = {each.operation.bulk_id for each in batch}
        is_new = not any(each.completes for each in (*batch, step))
        return is_new and not created & references(step.operation)
    return methods == {"DELETE"} and all(
        each.operation.path != step.operation.path for each in batch
    )
