"""A role map of the running service, and the sweeper's part in it, minutes before its time."""

import re
import time
from typing import Any

from shared.clock import Clock
from shared.scim.documents import changed_names
from shared.settings import Settings
from shared.store.role_changes import SETTLED_SECONDS
from shared.store.store import open_store
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.request_context import Bound, RequestContext
from tests.support.fixtures.api_client import KEYS, Api
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService

_STORAGE = re.compile(r"TABLE_CONNECTION_STRING='([^']+)'")


def entry(role: str, priority: int, **group: str) -> dict[str, Any]:
    """An entry of a role map."""
    return {"group": group, "role": role, "priority": priority}


async def set_role_map(service: RunningService, scim: Scim, *entries: dict[str, Any]) -> None:
    """Sets the role map of the tenant of `scim`."""
    api = service.api_of(scim)
    await Api(api.http, api.base_url, api.tenant, KEYS["events"]).patched({"roleMap": [*entries]})


async def tell_role_changes(service: RunningService, scim: Scim) -> int:
    """Has the feed tell whose roles are others, as the sweeper does once the map is settled."""
    table = open_table(storage_of(service))
    clock = Clock(wall=lambda: time.time() + SETTLED_SECONDS)
    store = open_store(table, changed_names, clock=clock)
    tenant = scim.tenant_url.split("/")[4]
    context = RequestContext(tenant, "sweep", "sweep", time.monotonic() + 25)
    leftovers = await store.sweeper.leftovers(context)
    bound = Bound(1_000_000, float("inf"))
    told = [await store.role_changes.tell(context, key, bound) for key in leftovers.role_changes]
    await table.close()
    return sum(told)


def storage_of(service: RunningService) -> TableAddress:
    """Reads where the storage of a service is out of what it says at its start."""
    said = _STORAGE.search("\n".join(service.output))
    assert said is not None, "the service does not say where its storage is"
    environ = {"TABLE_CONNECTION_STRING": said[1], "AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
    settings = Settings.from_environment(environ)
    assert settings.table_connection_string is not None
    secret = settings.table_connection_string.get_secret_value()
    return TableAddress(settings.table_name, connection_string=secret)
