"""The functions of an app of the v2 programming model, under the rules of the host.

The host refuses one function, or all of them, for mistakes that Python itself does not notice: a
second function of the same name, a parameter that no binding fills, a route under `admin`. Here
each of them refuses the whole app with a line that names the function, so that it is seen before
it is deployed.
"""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from dataclasses import dataclass
from typing import Any

from azure import functions

from local import templates
from local.errors import LocalError

if typing.TYPE_CHECKING:
    from collections.abc import Callable

_NAME = re.compile(r"[a-z][a-z0-9_\-]{0,127}", re.IGNORECASE)
# The templates are compared without the prefix, and by their first letters: "administrators" too.
_RESERVED = ("admin", "runtime")


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the app.

    Attributes:
        name: Its name, by which the host sorts.
        call: The Python function.
        trigger_argument: The parameter that takes the request, usually `req`.
        takes_context: Whether it has a parameter `context`.
        is_async: Whether it runs on the event loop; otherwise in a thread.
    """

    name: str
    call: Callable[..., Any]
    trigger_argument: str
    takes_context: bool
    is_async: bool


@dataclass(frozen=True, slots=True)
class HttpFunction:
    """A function behind a route; `methods` is empty when it takes all."""

    function: Function
    template: templates.Template
    methods: frozenset[str]


@dataclass(frozen=True, slots=True)
class TimerFunction:
    """A function that runs on a schedule; its times are kept where `use_monitor` says so."""

    function: Function
    schedule: str
    run_on_startup: bool
    use_monitor: bool = True


@dataclass(frozen=True, slots=True)
class QueueFunction:
    """A function that runs on the messages of a queue; `connection` says where that is."""

    function: Function
    queue_name: str
    connection: str


@dataclass(frozen=True, slots=True)
class Index:
    """The functions of an app; the HTTP functions in the order in which routes are tried."""

    http: tuple[HttpFunction, ...]
    timers: tuple[TimerFunction, ...]
    queues: tuple[QueueFunction, ...]


def load(module_name: str) -> functions.FunctionApp:
    """Import the module of an app and find the app in it.

    Raises:
        LocalError: The module does not exist, or holds no FunctionApp or more than one.
    """
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise LocalError(f"{module_name}.py is missing: it holds the FunctionApp") from None
    apps = {id(app): app for app in vars(module).values() if isinstance(app, functions.FunctionApp)}
    if len(apps) != 1:
        raise LocalError(f"{module_name}.py must hold one FunctionApp, and it holds {len(apps)}")
    return next(iter(apps.values()))


def index(app: functions.FunctionApp, route_prefix: str) -> Index:
    """Indexes an app as the host and its worker do.

    Raises:
        LocalError: A function that the host would not take.
    """
    # get_functions() records the names it saw, and would call every one a duplicate the second
    # time.
    app.functions_bindings = {}
    try:
        declared = app.get_functions()
    except ValueError as error:
        raise LocalError(str(error)) from error
    http: list[HttpFunction] = []
    timers: list[TimerFunction] = []
    queues: list[QueueFunction] = []
    for function in sorted(declared, key=lambda each: str(each.get_function_name()).lower()):
        trigger: Any = function.get_trigger()
        match trigger.type:
            case "httpTrigger":
                http.append(_http_function(_function(function), trigger, route_prefix))
            case "timerTrigger":
                timers.append(_timer_function(_function(function), trigger))
            case "queueTrigger":
                queues.append(_queue_function(_function(function), trigger))
            case other:
                raise LocalError(
                    f"{function.get_function_name()}: the stand-in host has no {other}"
                )
    _refuse_conflicts(http)
    return Index(tuple(http), tuple(timers), tuple(queues))


def _function(declared: Any) -> Function:
    name = declared.get_function_name()
    if not _NAME.fullmatch(name) or name.lower() == "host":
        raise LocalError(f'"{name}" is no name for a function: letters, digits, "_" and "-" only')
    call = declared.get_user_function()
    argument = declared.get_trigger().name
    parameters = set(inspect.signature(call).parameters)
    if argument not in parameters or parameters - {argument, "context"}:
        raise LocalError(
            f"{name}: it must take {argument}, and context if it likes, and nothing else"
        )
    _annotations(name, call)
    return Function(
        name, call, argument, "context" in parameters, inspect.iscoroutinefunction(call)
    )


def _annotations(name: str, call: Callable[..., Any]) -> dict[str, Any]:
    """Evaluate annotations like the worker, which sees no import for type checkers alone."""
    try:
        return typing.get_type_hints(call)
    except NameError as error:
        raise LocalError(f"{name}: the worker cannot evaluate its annotations: {error}") from None


def _http_function(function: Function, trigger: Any, route_prefix: str) -> HttpFunction:
    route = trigger.route.strip("/")
    if route.lower().startswith(_RESERVED):
        raise LocalError(
            f'{function.name}: routes that begin with "admin" or "runtime" are the host\'s'
        )
    result = _annotations(function.name, function.call).get("return", str)
    if not isinstance(result, type) or not issubclass(result, functions.HttpResponse | str):
        raise LocalError(
            f"{function.name}: it must be annotated to return func.HttpResponse or str"
        )
    methods = frozenset(
        getattr(method, "value", method).upper() for method in trigger.methods or ()
    )
    return HttpFunction(function, templates.parse(route, route_prefix), methods)


def _timer_function(function: Function, trigger: Any) -> TimerFunction:
    return TimerFunction(
        function,
        trigger.schedule,
        bool(trigger.run_on_startup),
        use_monitor=trigger.use_monitor is not False,
    )


def _queue_function(function: Function, trigger: Any) -> QueueFunction:
    argument = function.trigger_argument
    given = _annotations(function.name, function.call).get(argument, functions.QueueMessage)
    if not isinstance(given, type) or not issubclass(given, functions.QueueMessage):
        raise LocalError(f"{function.name}: {argument} must be annotated as func.QueueMessage")
    return QueueFunction(function, trigger.queue_name, trigger.connection or "")


def _refuse_conflicts(http: list[HttpFunction]) -> None:
    for n, one in enumerate(http):
        for other in http[:n]:
            same_text = one.template.text.lower() == other.template.text.lower()
            same_method = not one.methods or not other.methods or one.methods & other.methods
            if same_text and same_method:
                raise LocalError(
                    f"{one.function.name}: its route conflicts with that of {other.function.name}"
                )
