"""Queues: what begins the work of a message, as plain data.

As with timers, nothing else is imported to index the functions. What runs stands in `endpoints`,
under the name of its queue.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import azure.functions as func

from shared.queues.names import CHANGE_HINTS
from shared.web import host_log, loading


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A queue whose messages begin a job.

    Attributes:
        name: of the job, and of the function.
        queue: of the storage account of the host.
    """

    name: str
    queue: str


HINTS = QueueTrigger("change_hints", CHANGE_HINTS)

WEBHOOK_QUEUES = (HINTS,)
"""Registered where webhooks are on."""


def webhooks_are_on() -> bool:
    """Tell whether the functions of webhooks are registered, before the settings are read."""
    return os.environ.get("SCIM_WEBHOOKS", "").strip() == "on"


def register_queues(app: func.FunctionApp, queues: Iterable[QueueTrigger]) -> None:
    """Register the functions of the queues."""
    for queue in queues:
        _register(app, queue)


def _register(app: func.FunctionApp, named: QueueTrigger) -> None:
    """Register one function.

    A job of a message ends well whatever it meets: the host would run it again at once, five times,
    and then put the message aside.
    """

    async def main(message: func.QueueMessage, context: func.Context) -> None:
        with host_log.invocation():
            loaded = await loading.load_endpoints()
            text = message.get_body().decode("utf-8", "replace")
            await loaded.MESSAGE_JOBS[named.name](str(context.invocation_id), text)

    queued = app.queue_trigger(
        arg_name="message", queue_name=named.queue, connection="AzureWebJobsStorage"
    )(main)
    app.function_name(named.name)(queued)
