"""The dispatcher: sends what lies behind each checkpoint, and records what became of it.

A run (`dispatch_run`) takes these steps for an endpoint of a tenant, until nothing is left to send
or its time is over: read the checkpoint; find what is due; take the checkpoint; send; write the new
checkpoint and what became of each event in one transaction, which gives the checkpoint back; look
again. A run that finds the checkpoint taken may end, because the run that has taken it looks again.
"""

import asyncio
import logging
import random
import traceback

from shared.clock import Clock
from shared.store.webhook_endpoints import WebhookEndpoint
from shared.tables.operations import OperationRejected
from shared.tables.request_context import RequestContext
from shared.webhooks.dispatch_run import DispatchRun
from shared.webhooks.endpoint_load import EndpointLoad
from shared.webhooks.sources import Sources

LEFTOVERS_SECONDS = 600
"""How long after midnight (UTC) the timer deletes what is left of endpoints that were deleted: two
of its runs."""

_DAY_SECONDS = 86_400

_log = logging.getLogger("scim.webhooks")


class Dispatcher:
    """Sends the events of tenants to the endpoints that want them."""

    def __init__(
        self, sources: Sources, clock: Clock | None = None, draw: random.Random | None = None
    ) -> None:
        """Prepare.

        Args:
            sources: what is read, written and sent.
            clock: the time by which attempts are due.
            draw: of the jitter.
        """
        self._sources = sources
        self._clock = clock or Clock()
        self._draw = draw or random.Random()  # noqa: S311 - spreads attempts, no secret
        self._load = EndpointLoad(self._clock)

    async def dispatch(self, context: RequestContext, *, expires: bool = False) -> bool:
        """Send what is due of the context's tenant, to each of its endpoints at the same time.

        3 calls for an endpoint that has nothing to be sent, 8 for one event.

        Args:
            context: of the run; its request id names the run.
            expires: whether to delete old deliveries, and those of endpoints that were deleted,
                once a day.

        Returns:
            Whether all went well; the log has what did not.
        """
        try:
            endpoints = await self._sources.endpoints.current()
            if expires and self._clock.wall() % _DAY_SECONDS < LEFTOVERS_SECONDS:
                await self._delete_leftovers(context)
        except Exception as fault:  # noqa: BLE001 - the timer looks again
            _write_fault(context.tenant, "all", fault)
            return False
        runs = [
            self._run(context, endpoint, expires=expires)
            for endpoint in endpoints
            if endpoint.state == "enabled" and endpoint.is_of(context.tenant)
        ]
        return all(await asyncio.gather(*runs))

    async def _delete_leftovers(self, context: RequestContext) -> None:
        """Delete what is left of endpoints that were deleted, or that no longer serve the tenant.

        1 call where nothing is.
        """
        left = await self._sources.checkpoints.list_endpoints(context)
        tenant = context.tenant
        known = await self._sources.endpoints.current()
        left -= {each.id for each in known if each.is_of(tenant)}
        if left:  # perhaps of endpoints that this process has not read yet
            known = await self._sources.endpoints.list(context)
            left -= {each.id for each in known if each.is_of(tenant)}
        for endpoint in left:
            await self._sources.checkpoints.delete_all(context, endpoint)

    async def _run(
        self, context: RequestContext, endpoint: WebhookEndpoint, *, expires: bool
    ) -> bool:
        run = DispatchRun(self._sources, self._clock, self._draw, self._load, context, endpoint)
        try:
            await run.run(expires=expires)
        except OperationRejected:
            return True  # another run has overtaken this one, and goes on from its own checkpoint
        except Exception as fault:  # noqa: BLE001 - one endpoint must not end the others
            _write_fault(context.tenant, endpoint.id, fault)
            return False
        return True


def _write_fault(tenant: str, endpoint: str, fault: Exception) -> None:
    """Log why the events of a tenant could not be sent: the kind and where, and no value."""
    stack = "".join(traceback.format_tb(fault.__traceback__))
    kind = type(fault).__name__
    _log.error("webhooks of tenant %s to %s were not sent: %s\n%s", tenant, endpoint, kind, stack)
