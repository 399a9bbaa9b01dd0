"""The runs that send webhooks: of a hint, for one tenant; and of the timer, for all."""

import asyncio
import logging
import random
import time
import traceback

from shared import tenants
from shared.tables.request_context import RequestContext
from shared.web import services
from shared.web.services import Services

DEADLINE_SECONDS = 50.0
"""When a run makes no more calls: it ends before the functionTimeout of host.json."""

TIMER_SECONDS = 20.0
"""How long the timer's run begins with further tenants."""

_TENANTS_AT_ONCE = 16

_ACTOR = "webhooks"

_log = logging.getLogger("scim.webhooks")


async def send_hinted(run_id: str, text: str) -> None:
    """Send the events of the tenant that a hint names. It ends well, whatever it meets.

    What is left undone is in the table, and the timer finds it.

    Args:
        run_id: the host's id of the invocation.
        text: of the message.
    """
    tenant = tenants.named(text)
    if tenant is None:
        _log.warning("a hint of changes named no tenant and was passed over")
        return
    try:
        await services.current().webhooks.dispatch(_context(tenant, run_id))
    except Exception as fault:  # noqa: BLE001 - the host would run it five times at once
        _write_fault(fault)


async def send_everywhere(run_id: str) -> None:
    """Send what no hint has told of, tenant by tenant, and empty the queue of hints put aside.

    Args:
        run_id: the host's id of the invocation.

    Raises:
        Unavailable: the settings are wrong, or the tenants cannot be read.
    """
    process = services.current()
    await process.webhooks.clear_poison()
    names = list(await process.authenticator.tenants())
    random.shuffle(names)
    waiting = iter(names)
    until = time.monotonic() + TIMER_SECONDS

    async def work() -> None:
        for tenant in waiting:
            if time.monotonic() >= until:
                return
            await _send(process, tenant, run_id)

    async with asyncio.TaskGroup() as workers:
        for _ in range(_TENANTS_AT_ONCE):
            workers.create_task(work())


async def _send(process: Services, tenant: str, run_id: str) -> None:
    try:
        await process.webhooks.dispatch(_context(tenant, run_id), expires=True)
    except Exception as fault:  # noqa: BLE001 - of one tenant; the others go on
        _write_fault(fault)


def _context(tenant: str, run_id: str) -> RequestContext:
    deadline = time.monotonic() + DEADLINE_SECONDS
    return RequestContext(tenant, run_id, _ACTOR, deadline, "webhooks")


def _write_fault(fault: Exception) -> None:
    stack = "".join(traceback.format_tb(fault.__traceback__))
    _log.error("webhooks were not sent: %s\n%s", type(fault).__name__, stack)
