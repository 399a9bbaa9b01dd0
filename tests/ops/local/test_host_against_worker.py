"""The stand-in host converts what functions take and return as the runtime library does."""

from __future__ import annotations

import importlib
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from azure.storage.queue import QueueMessage as StoredMessage

from local import functions, host, queues, timers
from local.errors import LocalError
from local.host_json import HostJson
from tests.support.fakes.worker import FunctionFailed, Worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="the runtime library is that of Python 3.13 and newer"
)

APP = """
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
blueprint = func.Blueprint()

@blueprint.route(route="json")
async def json(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("{}", status_code=201, mimetype="application/scim+json",
                             headers={"ETag": 'W/"1"'})

@blueprint.route(route="text")
def text(req: func.HttpRequest) -> str:
    return "é"

@app.route(route="csv")
def csv(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    assert context.invocation_id and context.function_name == "csv"
    assert context.thread_local_storage.invocation_id == context.invocation_id
    return func.HttpResponse("a", mimetype="text/csv")

@app.route(route="typed")
async def typed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("a", headers={"Content-Type": "a/b; c=d"}, mimetype="e/f")

@app.route(route="nothing")
async def nothing(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)

@app.route(route="none")
async def none(req: func.HttpRequest) -> func.HttpResponse:
    return None

@app.route(route="raises")
async def raises(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError

@app.route(route="body")
async def body(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.get_body() + req.method.encode() + req.params["a"].encode())

@app.queue_trigger(arg_name="message", queue_name="hints", connection="Storage")
async def take(message: func.QueueMessage) -> None:
    seen.append([message.id, message.get_body(), message.dequeue_count, message.pop_receipt,
                 message.insertion_time, message.expiration_time, message.time_next_visible])

@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
async def tick(timer: func.TimerRequest) -> None:
    seen.append([timer.past_due, timer.schedule, timer.schedule_status])

seen = []
app.register_functions(blueprint)
"""
REFUSED = {
    "parameter": "async def a(request: func.HttpRequest) -> func.HttpResponse: ...",
    "return": "async def a(req: func.HttpRequest) -> dict: ...",
    "annotation": "async def a(req: 'Unseen') -> func.HttpResponse: ...",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A folder with an app under a name of its own, which both of them find."""
    name = f"app_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{name}.py").write_text(APP)
    monkeypatch.setenv("PYTHON_SCRIPT_FILE_NAME", f"{name}.py")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def module(folder: Path) -> Path:
    return next(folder.glob("app_*.py"))


async def test_both_find_the_same_functions(folder: Path) -> None:
    worker = await Worker.start(str(folder))
    found = functions.index(functions.load(module(folder).stem), "")
    names = [each.function.name for each in found.http]
    names += [each.function.name for each in found.queues]
    names += [each.function.name for each in found.timers]
    assert sorted(names) == sorted(worker.ids)


@pytest.mark.parametrize(
    "name", ["json", "text", "csv", "typed", "nothing", "none", "raises", "body"]
)
async def test_both_give_the_same_answer(folder: Path, name: str) -> None:
    worker = await Worker.start(str(folder))
    app = functions.load(module(folder).stem)
    async with (
        host.serve(app, settings=HostJson(route_prefix="")) as base_url,
        aiohttp.ClientSession() as session,
        session.post(f"{base_url}/{name}?a=1", data=b"body") as answer,
    ):
        status, sent = answer.status, await answer.read()
        content_type, etag = answer.headers.get("Content-Type"), answer.headers.get("ETag")
    try:
        told = await worker.invoke(name, method="POST", query={"a": "1"}, body=b"body")
    except FunctionFailed:
        assert (status, sent, content_type) == (500, b"", None)
    else:
        assert (status, sent) == (told.status, told.body)
        assert (content_type, etag) == (told.headers["content-type"], told.headers.get("etag"))


async def test_both_give_a_function_the_same_message(folder: Path) -> None:
    worker = await Worker.start(str(folder))
    found = functions.index(functions.load(module(folder).stem), "")
    stored = StoredMessage()
    stored.id, stored.pop_receipt, stored.dequeue_count = "the-id", "the-receipt", 2
    stored.inserted_on = datetime(2026, 11, 29, 17, tzinfo=UTC)
    stored.expires_on = stored.inserted_on + timedelta(days=7)
    stored.next_visible_on = stored.inserted_on + timedelta(minutes=10)
    times = {
        "InsertionTime": stored.inserted_on.isoformat(),
        "ExpirationTime": stored.expires_on.isoformat(),
        "NextVisibleTime": stored.next_visible_on.isoformat(),
    }
    await found.queues[0].function.call(message=queues.converted(stored, "Zoë"))
    await worker.take("take", "Zoë", dequeue_count=2, times=times)
    of_the_stand_in, of_the_library = seen(folder)
    assert of_the_stand_in == of_the_library
    assert of_the_stand_in[:3] == ["the-id", "Zoë".encode(), 2]
    assert of_the_stand_in[4] == stored.inserted_on


@pytest.mark.parametrize("is_past_due", [False, True])
async def test_both_tell_a_timer_the_same(folder: Path, is_past_due: bool) -> None:
    worker = await Worker.start(str(folder))
    found = functions.index(functions.load(module(folder).stem), "")
    minute = datetime(2026, 11, 29, 17, tzinfo=UTC)
    status = timers.Status(minute, minute + timedelta(minutes=1), minute)
    for each in (None, status):
        request = timers.request(each, is_past_due=is_past_due)
        await found.timers[0].function.call(timer=request)
        told = each.written() if each else None
        await worker.fire("tick", is_past_due=is_past_due, status=told)
    first, first_told, second, second_told = seen(folder)
    assert (first, second) == (first_told, second_told)
    assert first[2] in ({}, None)
    assert second[2]["Next"] == "2026-11-29T17:01:00+00:00"


def seen(folder: Path) -> list[Any]:
    """What the functions of the app were given."""
    held: list[Any] = importlib.import_module(module(folder).stem).seen
    return held


@pytest.mark.parametrize("reason", REFUSED)
async def test_both_refuse_the_same_apps(folder: Path, reason: str) -> None:
    function = f'\n@app.function_name("refused")\n@app.route(route="refused")\n{REFUSED[reason]}\n'
    module(folder).write_text(APP + function)
    with pytest.raises(FunctionFailed):
        await Worker.start(str(folder))
    with pytest.raises(LocalError, match="refused"):
        functions.index(functions.load(module(folder).stem), "")
