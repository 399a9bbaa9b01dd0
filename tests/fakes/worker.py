"""The worker process of Python 3.13 and newer, without what carries the host's messages to it.

Azure runs the published `azure-functions-runtime` behind gRPC. Here a message is a line of JSON on
standard input and its answer a line on standard output: the index first, then one for each
invocation. What the library reads and makes are the messages of FunctionRpc.proto; objects with
the same field names stand in for them.

    python -P tests/fakes/worker.py <folder of the app>
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime  # type: ignore[import-untyped] # it has no types


class Message(SimpleNamespace):
    """A message: whatever fields it is made with."""

    def WhichOneof(self, _: str) -> str:  # noqa: N802 - the name that protobuf gives it
        """Name the one field of an `oneof`, beside the name of a binding."""
        (field,) = self.__dict__.keys() - {"name"}
        return field


class StatusResult(Message):
    Failure, Success = 0, 1


class BindingInfo(Message):
    undefined = 0
    out, inout = 1, 2


PROTOS = SimpleNamespace(
    StatusResult=StatusResult,
    BindingInfo=BindingInfo,
    **dict.fromkeys(
        [
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
        ],
        Message,
    ),
)


def envelope(**request: Message) -> Any:
    (name,) = request
    properties = {"host": "127.0.0.1", "protos": PROTOS}
    return SimpleNamespace(name=name, request=SimpleNamespace(**request), properties=properties)


def refused(result: StatusResult) -> str | None:
    return None if result.status == StatusResult.Success else result.exception.message


async def index(directory: str) -> dict[str, Any]:
    """Let the library index the app, and tell what the host would learn of it."""
    message = Message(capabilities={}, function_app_directory=directory)
    started = await runtime.worker_init_request(envelope(worker_init_request=message))
    answer = await runtime.functions_metadata_request(
        envelope(functions_metadata_request=Message())
    )
    functions = answer.function_metadata_results or []
    for function in functions:
        message = Message(function_id=function.function_id)
        loaded = await runtime.function_load_request(envelope(function_load_request=message))
        assert refused(loaded.result) is None
    return {
        "error": refused(started.result),
        "functions": {
            function.name: {
                "id": function.function_id,
                "bindings": [json.loads(binding) for binding in function.raw_bindings],
            }
            for function in functions
        },
        "modules": sorted(sys.modules),
    }


async def invoke(call: dict[str, Any]) -> dict[str, Any]:
    """Invoke a function with an HTTP request, as the host does."""
    http = Message(
        method=call["method"],
        url=call["url"],
        headers=call["headers"],
        params=call["route_params"],
        query={},
        body=Message(bytes=call["body"].encode()),
    )
    invocation = Message(
        invocation_id=call["invocation_id"],
        function_id=call["function_id"],
        input_data=[Message(name="req", data=Message(http=http))],
        trigger_metadata={},
        trace_context=Message(trace_parent="", trace_state="", attributes={}),
        retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
    )
    answer = await runtime.invocation_request(envelope(invocation_request=invocation))
    error = refused(answer.result)
    if error is not None:
        return {"error": error}
    response = answer.return_value.http
    return {
        "error": None,
        "status": response.status_code,
        "headers": response.headers,
        "body": response.body.bytes.decode(),
    }


async def work(directory: str) -> None:
    print(json.dumps(await index(directory)), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await invoke(json.loads(line))), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    sys.path.insert(0, sys.argv[1])
    asyncio.run(work(sys.argv[1]))
