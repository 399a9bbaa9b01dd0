"""The worker process of Python 3.13 and newer, without what carries the host's messages to it.

Azure runs the published `azure-functions-runtime` behind gRPC. What the library reads and makes are
the messages of FunctionRpc.proto; objects with the same field names stand in for them.

As a program it is the worker of one app, with nothing else of this project in reach. A message is
a line of JSON on standard input and its answer a line on standard output: the index first, then
one for each invocation. A message with `timer` in it fires a timer, one with `queue` gives a
function a message of its queue. On standard error stands what the host would have of the log: lines
with the name of a logger, which came by a record, and lines that were written there.

    python -P tests/support/fakes/worker.py <folder of the app>
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import uuid
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping


class Message(SimpleNamespace):
    """A message: whatever fields it is made with."""

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - the name that protobuf gives it
        """Name the one field of an `oneof`, beside the name of a binding."""
        return next(iter(self.__dict__.keys() - {"name"}), None)


class StatusResult(Message):
    Failure, Success = 0, 1


class BindingInfo(Message):
    undefined = 0
    out, inout = 1, 2


KINDS = [
    "FunctionLoadResponse",
    "FunctionMetadataResponse",
    "InvocationResponse",
    "ParameterBinding",
    "RpcException",
    "RpcFunctionMetadata",
    "RpcHttp",
    "TypedData",
    "WorkerInitResponse",
    "WorkerMetadata",
]
PROTOS = SimpleNamespace(
    StatusResult=StatusResult, BindingInfo=BindingInfo, **dict.fromkeys(KINDS, Message)
)


_invocation_id: ContextVar[str] = ContextVar("invocation_id_of_the_host", default="")
_running: set[str] = set()


def is_taken(record: logging.LogRecord) -> bool:
    """Whether the host takes a record: of the worker itself, or of an invocation that runs."""
    if record.name.startswith("azure.functions"):
        return True
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and _invocation_id.get() in _running


class FunctionFailed(Exception):  # noqa: N818 - what the host turns into an empty 500
    """The function raised, or returned what cannot be sent; or the app was refused."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Worker:
    """The functions of an app, as the runtime library indexed them; make one with `start`.

    Attributes:
        ids: Id of each function by its name.
        bindings: Bindings of each function, as the host learns of them.
    """

    def __init__(self, runtime: Any, functions: list[Any]) -> None:
        self._runtime = runtime
        self.ids = {each.name: each.function_id for each in functions}
        self.bindings = {
            each.name: [json.loads(binding) for binding in each.raw_bindings] for each in functions
        }

    @classmethod
    async def start(cls, folder: str) -> Worker:
        """Index the app of a folder, which must be on sys.path.

        Raises:
            FunctionFailed: The library refuses it; the message says why.
        """
        # Not there on Python 3.11 and 3.12.
        import azure_functions_runtime as runtime  # type: ignore[import-untyped] # noqa: PLC0415

        asked = Message(capabilities={}, function_app_directory=folder)
        started = await runtime.worker_init_request(_request(worker_init_request=asked))
        _check(started.result)
        told = await runtime.functions_metadata_request(
            _request(functions_metadata_request=Message())
        )
        _check(told.result)
        functions = told.function_metadata_results or []
        for function in functions:
            asked = Message(function_id=function.function_id)
            loaded = await runtime.function_load_request(_request(function_load_request=asked))
            _check(loaded.result)
        return cls(runtime, functions)

    async def invoke(
        self,
        name: str,
        *,
        method: str = "GET",
        url: str = "http://127.0.0.1/",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        route: Mapping[str, str] | None = None,
        body: bytes = b"",
        invocation_id: str = "",
    ) -> Answer:
        """Send one HTTP request to a function, converted as the host does.

        Raises:
            FunctionFailed: The answer would be an empty 500.
        """
        http = Message(
            method=method,
            url=url,
            headers=headers or {},
            query=query or {},
            params=route or {},
            body=Message(bytes=body),
        )
        sent = Message(name="req", data=Message(http=http))
        return _answer(await self._invoke(name, sent, invocation_id))

    async def fire(
        self,
        name: str,
        *,
        is_past_due: bool = False,
        status: Mapping[str, str] | None = None,
        invocation_id: str = "",
    ) -> None:
        """Let a timer fire; without a status for the first time since the host knows of it.

        Raises:
            FunctionFailed: The host would log that the run failed.
        """
        told = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status,
            "IsPastDue": is_past_due,
        }
        sent = Message(name="timer", data=Message(json=json.dumps(told)))
        await self._invoke(name, sent, invocation_id)

    async def take(
        self,
        name: str,
        text: str,
        *,
        dequeue_count: int = 1,
        times: Mapping[str, str] | None = None,
        invocation_id: str = "",
    ) -> None:
        """Give a function a message of its queue.

        Args:
            name: The function.
            text: The message, decoded.
            dequeue_count: How often it was received.
            times: ExpirationTime, InsertionTime and NextVisibleTime.
            invocation_id: Of the run.

        Raises:
            FunctionFailed: The host would try the message again.
        """
        argument = self.bindings[name][0]["name"]
        metadata = {
            "Id": Message(string="the-id"),
            "PopReceipt": Message(string="the-receipt"),
            "DequeueCount": Message(json=json.dumps(dequeue_count)),
            **{key: Message(json=json.dumps(time)) for key, time in (times or {}).items()},
        }
        sent = Message(name=argument, data=Message(string=text))
        await self._invoke(name, sent, invocation_id, metadata)

    async def _invoke(
        self,
        name: str,
        sent: Message,
        invocation_id: str,
        metadata: Mapping[str, Message] | None = None,
    ) -> Any:
        asked = Message(
            invocation_id=invocation_id or str(uuid.uuid4()),
            function_id=self.ids[name],
            input_data=[sent],
            trigger_metadata=metadata or {},
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
        token = _invocation_id.set(asked.invocation_id)
        _running.add(asked.invocation_id)
        try:
            told = await self._runtime.invocation_request(_request(invocation_request=asked))
        finally:
            _running.remove(asked.invocation_id)
            _invocation_id.reset(token)
        _check(told.result)
        return told.return_value


def _request(**request: Message) -> Any:
    (name,) = request
    properties = {"host": "127.0.0.1", "protos": PROTOS}
    return SimpleNamespace(name=name, request=SimpleNamespace(**request), properties=properties)


def _check(result: StatusResult) -> None:
    if result.status != StatusResult.Success:
        raise FunctionFailed(result.exception.message)


def _answer(returned: Any) -> Answer:
    """What the host makes of a returned value: text as it is, or a whole HTTP answer."""
    if returned.WhichOneof("data") == "string":
        return Answer(200, {"content-type": "text/plain; charset=utf-8"}, returned.string.encode())
    http = returned.http
    headers = {name.lower(): value for name, value in http.headers.items()}
    return Answer(int(http.status_code), headers, http.body.bytes)


async def work(folder: str) -> None:
    """Serve the app of a folder by lines."""
    worker = await Worker.start(folder)
    modules = sorted(sys.modules)
    print(json.dumps({"bindings": worker.bindings, "modules": modules}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        call = json.loads(line)
        told = await _done(worker, call)
        print(json.dumps(told), flush=True)


async def _answered(worker: Worker, *, function: str, body: str, **call: Any) -> dict[str, Any]:
    answer = await worker.invoke(function, body=body.encode(), **call)
    return {**asdict(answer), "body": answer.body.decode()}


async def _done(worker: Worker, call: dict[str, Any]) -> dict[str, Any]:
    if "timer" in call:
        return await _outcome(worker.fire(call.pop("timer"), **call))
    if "queue" in call:
        return await _outcome(worker.take(call.pop("queue"), **call))
    return await _answered(worker, **call)


async def _outcome(run: Awaitable[None]) -> dict[str, Any]:
    try:
        await run
    except FunctionFailed as failure:
        return {"failure": str(failure)}
    return {"failure": None}


def main(folder: str) -> None:
    """Be the worker of the app of a folder until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    logging.getLogger().handlers[0].addFilter(is_taken)
    sys.path.insert(0, folder)
    asyncio.run(work(folder))


if __name__ == "__main__":
    main(sys.argv[1])
