"""Doing the operations of a bulk request, each as the request that it stands for."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import unquote

from scim_protocol.resource_endpoints import resource_endpoints
from shared.errors import Conflict, NotFound
from shared.scim.bulk import BulkOperation, Step, references, resolve, without
from shared.scim.folding import fold
from shared.scim.schema import Document
from shared.tables.request_context import Meter
from shared.web import responses
from shared.web.request_log import RequestRecord
from shared.web.requests import ScimRequest
from shared.web.resource_handlers import ResourceEndpoint
from shared.web.respond import answered, handler_of
from shared.web.responses import Answer
from shared.web.services import Services

TOGETHER = 8
"""Operations that are under way at once, where their order makes no difference."""

_UNDO_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Incomplete:
    """A resource that was created without the reference that closes a circle.

    Attributes:
        operation: the POST that created it.
        refusal: why the reference could not be set; "" while that was not tried.
    """

    operation: BulkOperation
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of an operation; `location` is "" where there is none."""

    operation: BulkOperation
    answer: Answer
    location: str

    @property
    def has_failed(self) -> bool:
        return self.answer.status >= 400

    def document(self) -> Document:
        """Describe it for the answer (RFC 7644 section 3.7): a refusal with its Error message."""
        document: Document = {"method": self.operation.method}
        if self.operation.bulk_id is not None:
            document["bulkId"] = self.operation.bulk_id
        if self.location:
            document["location"] = self.location
        if "ETag" in self.answer.headers:
            document["version"] = self.answer.headers["ETag"]
        document["status"] = str(self.answer.status)
        if self.has_failed:
            document["response"] = self.answer.body
        return document


class _Claim(NamedTuple):
    """A value that one resource alone may have; folded, because few may differ in letter case."""

    endpoint: str
    attribute: str
    value: str


class BulkRun:
    """The operations of one bulk request on their way.

    Every operation is served by the handler of its endpoint and is atomic by itself; nothing is
    taken back because another one failed. The exception is a resource that could only be created
    without a reference, because the one that it refers to refers to it in turn: when the reference
    cannot be set afterwards, the resource is deleted again.
    """

    def __init__(
        self, request: ScimRequest, services: Services, fail_on_errors: int | None
    ) -> None:
        self._request = request
        self._services = services
        self._errors_accepted = fail_on_errors
        self._endpoints = {each.path.lower(): each for each in resource_endpoints(services)}
        self._ids: dict[str, str] = {}
        self._incomplete: dict[str, _Incomplete] = {}
        self._results: dict[int, _Result] = {}

    async def results(self, plan: Sequence[Step]) -> list[Document]:
        """Do what is planned; describe what became of each operation, in the request's order.

        Operations that were not begun when `failOnErrors` was reached are left out.
        """
        width = TOGETHER if self._errors_accepted is None else 1
        for together in self._batches(plan, width):
            await asyncio.gather(*map(self._do, together))
            if self._is_over:
                break
        await self._take_back()
        return [result.document() for _, result in sorted(self._results.items())]

    @property
    def _is_over(self) -> bool:
        if self._errors_accepted is None:
            return False
        errors = sum(result.has_failed for result in self._results.values())
        errors += sum(bool(each.refusal) for each in self._incomplete.values())
        return errors >= self._errors_accepted

    def _batches(self, plan: Sequence[Step], width: int) -> Iterator[list[Step]]:
        """Cut a plan into what may be under way at once: creates, or deletes, in a row.

        Of two creates of one name the first must get it, so the second is in another batch.
        """
        batch: list[Step] = []
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
        endpoint = self._endpoints.get(operation.path.strip("/").lower())
        if endpoint is None or operation.method != "POST" or not isinstance(operation.data, dict):
            return set()
        resource_type = endpoint.source(self._request, self._services).resource_type
        unique = resource_type.unique
        return {
            _Claim(endpoint.path, path.attribute.name, fold(str(value)))
            for name, value in operation.data.items()
            if (path := resource_type.find(name)) is not None and path.attribute in unique
        }

    async def _do(self, step: Step) -> None:
        if step.completes:
            await self._complete(step.operation)
            return
        operation = step.operation
        answer = await self._answered(without(operation, step.later), self._request)
        location = answer.headers.get("Location") or self._location(operation)
        self._results[operation.index] = _Result(operation, answer, location)
        if operation.method == "POST" and answer.status < 300:
            self._ids[str(operation.bulk_id)] = answer.resource_id
            if step.later:
                self._incomplete[str(operation.bulk_id)] = _Incomplete(operation)

    async def _complete(self, operation: BulkOperation) -> None:
        """Put the reference that closes a circle into a resource that was created without it."""
        bulk_id = str(operation.bulk_id)
        if bulk_id not in self._incomplete:
            return
        whole = replace(operation, method="PUT", path=self._path_of(operation))
        answer = await self._answered(whole, self._request)
        if answer.status >= 300:
            self._incomplete[bulk_id] = _Incomplete(operation, str((answer.body or {})["detail"]))
            return
        del self._incomplete[bulk_id]
        created = self._results[operation.index]
        completed = replace(answer, status=created.answer.status)
        self._results[operation.index] = replace(created, answer=completed)

    async def _take_back(self) -> None:
        """Delete resources whose circles could not be closed, past the deadline if need be.

        All of them together have the same few seconds: however many there are, and however slow
        the storage is, the client is answered.
        """
        deadline = max(self._request.context.deadline, time.monotonic() + _UNDO_SECONDS)
        request = replace(self._request, context=replace(self._request.context, deadline=deadline))
        left = list(self._incomplete.items())
        for start in range(0, len(left), TOGETHER):
            undone = (self._undo(request, *each) for each in left[start : start + TOGETHER])
            await asyncio.gather(*undone)

    async def _undo(self, request: ScimRequest, bulk_id: str, incomplete: _Incomplete) -> None:
        """Delete a resource again, and say why in the place of its success."""
        operation = incomplete.operation
        path = self._path_of(operation)
        del self._ids[bulk_id]  # so that nothing else refers to it any more
        answer = await self._answered(BulkOperation(operation.index, "DELETE", path), request)
        is_gone = answer.status in {204, 404}
        why = incomplete.refusal or "The request ended before."
        outcome = (
            "was not created. Send the operations of the circle again."
            if is_gone
            else "could not be deleted again. It exists without that reference: delete it."
        )
        error = Conflict(
            "The reference by which the resource refers in a circle to another one of this request "
            f"could not be set, so it {outcome} The reason: {why}"
        )
        location = "" if is_gone else self._results[operation.index].location
        self._results[operation.index] = _Result(operation, responses.of_error(error), location)

    def _path_of(self, created: BulkOperation) -> str:
        """Write the path of the resource that a POST has created."""
        return f"{created.path.rstrip('/')}/{self._ids[str(created.bulk_id)]}"

    async def _answered(self, operation: BulkOperation, request: ScimRequest) -> Answer:
        """Serve one operation as a request of its own, which has its own line in the log."""
        context = replace(request.context, meter=Meter(), transactions=0)
        record = RequestRecord(context.request_id, operation.method, "Bulk")
        record.tenant, record.token, record.context = context.tenant, context.actor, context
        part = replace(request, method=operation.method, context=context)
        answer = await answered(record, self._served(operation, part, record))
        request.context.meter.add(context.meter)
        return answer

    async def _served(
        self, operation: BulkOperation, request: ScimRequest, record: RequestRecord
    ) -> Answer:
        resolved = resolve(operation, self._ids)
        endpoint, resource_id = self._target(resolved)
        record.route = f"Bulk/{endpoint.path}" + ("/{id}" if resource_id else "")
        record.resource_id = resource_id
        # Nothing is begun late: what takes back its own failure would do so past the deadline.
        request.context.remaining()
        handler = handler_of(endpoint.item if resource_id else endpoint.collection, request.method)
        part = replace(
            request,
            # Nobody is shown the resource, so the members of a group need not be read for it.
            query={"excludedattributes": "members"},
            headers={"if-match": resolved.version} if resolved.version else {},
            resource_id=resource_id,
            read=lambda: resolved.data,
        )
        return await handler(part, self._services)

    def _target(self, operation: BulkOperation) -> tuple[ResourceEndpoint, str]:
        """Return the endpoint that a path names, and the id in it or "" without one.

        Raises:
            NotFound: The path is none of an endpoint of resources, or of a resource.
        """
        name, *rest = operation.path.strip("/").split("/")
        endpoint = self._endpoints.get(name.lower())
        if endpoint is None or len(rest) > 1:
            paths = ", ".join(f"/{each.path}" for each in self._endpoints.values())
            raise NotFound(f"The path of a bulk operation begins with one of: {paths}.")
        return endpoint, unquote(rest[0]) if rest else ""

    def _location(self, operation: BulkOperation) -> str:
        """Write the URL of what an operation changes; "" for what it would have created."""
        if operation.method == "POST":
            return ""
        with contextlib.suppress(Conflict):  # then what it refers to has no URL
            operation = resolve(operation, self._ids)
        return f"{self._request.tenant_url}/{operation.path.strip('/')}"


def _joins(batch: Sequence[Step], step: Step) -> bool:
    """Tell whether a step comes to the same before, after, and at the time of those of a batch."""
    methods = {each.operation.method for each in (*batch, step)}
    if methods == {"POST"}:
        created = {each.operation.bulk_id for each in batch}
        is_new = not any(each.completes for each in (*batch, step))
        return is_new and not created & references(step.operation)
    return methods == {"DELETE"} and all(
        each.operation.path != step.operation.path for each in batch
    )
