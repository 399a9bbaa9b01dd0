"""The worker process of Azure on Python 3.13 and newer, without the gRPC that carries its messages.

The published runtime library indexes and invokes functions; what it is sent and what it answers are
messages of FunctionRpc.proto, for which objects with the same field names stand here.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Message:
    """A message of any kind: the fields it was made with."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802  # a name of protobuf
        return next(iter(self.__dict__), None)


class Parameter(Message):
    """A ParameterBinding, of which `name` is not part of the choice."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802  # a name of protobuf
        return "data"


class StatusResult(Message):
    Failure, Success = 0, 1


class BindingInfo(Message):
    undefined = 0
    out, inout = 1, 2


KINDS = [
    "FunctionLoadResponse",
    "FunctionMetadataResponse",
    "InvocationResponse",
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


class FunctionFailed(Exception):  # noqa: N818  # what the host turns into an empty 500
    """The function raised, or returned what cannot be sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Worker:
    """The functions of an app, as the runtime library indexed them; make one with `start`."""

    def __init__(self, runtime: Any, ids: Mapping[str, str]) -> None:
        self._runtime = runtime
        self.ids = ids

    @classmethod
    async def start(cls, folder: Path) -> Worker:
        """Indexes the app of a folder, which must be on sys.path.

        Raises:
            FunctionFailed: The library refuses it; the message says why.
        """
        import azure_functions_runtime as runtime  # type: ignore[import-untyped]  # noqa: PLC0415  # untyped; not there on Python 3.11

        asked = Message(capabilities={}, function_app_directory=str(folder))
        started = await runtime.worker_init_request(_request("worker_init_request", asked))
        if started.result.status == StatusResult.Failure:
            raise FunctionFailed(started.result.exception.message)
        told = await runtime.functions_metadata_request(_request("functions_metadata_request"))
        return cls(
            runtime, {each.name: each.function_id for each in told.function_metadata_results}
        )

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
    ) -> Answer:
        """Sends one HTTP request to a function, converted as the host does.

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
        asked = Message(
            invocation_id=str(uuid.uuid4()),
            function_id=self.ids[name],
            input_data=[Parameter(name="req", data=Message(http=http))],
            trigger_metadata={},
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
        told = await self._runtime.invocation_request(_request("invocation_request", asked))
        if told.result.status == StatusResult.Failure:
            raise FunctionFailed(told.result.exception.message)
        return _answer(told.return_value)


def _request(name: str, message: Message | None = None) -> Message:
    return Message(
        name=name,
        request=Message(**{name: message}),
        properties={"host": "127.0.0.1", "protos": PROTOS},
    )


def _answer(returned: Any) -> Answer:
    """What the host makes of a returned value: text as it is, or a whole HTTP answer."""
    if returned.WhichOneof("data") == "string":
        return Answer(200, {"content-type": "text/plain; charset=utf-8"}, returned.string.encode())
    http = returned.http
    headers = {name.lower(): value for name, value in http.headers.items()}
    return Answer(int(http.status_code), headers, http.body.bytes)
