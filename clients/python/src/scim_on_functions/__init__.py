"""A product's side of SCIM on Azure Functions.

Ask at each sign-in whether it may be (`Client`, `Tenant.access`), follow the changes (`Feed`), keep
a copy up to date (`Replica`), and verify webhooks (`verify`). All of it exists for code that waits
and, with `Async` in its name, for code on an event loop.
"""

from scim_on_functions.client import AsyncClient, AsyncTenant, Client, Tenant
from scim_on_functions.errors import (
    CursorExpiredError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    ServiceError,
    UnauthorizedError,
    UnavailableError,
)
from scim_on_functions.feed import (
    AsyncCheckpoint,
    AsyncFeed,
    Checkpoint,
    Feed,
    MemoryCheckpoint,
    apply,
    apply_async,
    resynchronise,
    resynchronise_async,
)
from scim_on_functions.models import (
    Access,
    Document,
    Event,
    EventPage,
    GuardNotice,
    Member,
    roles_of,
)
from scim_on_functions.replica import (
    AsyncReplica,
    GroupRecord,
    Ids,
    MembershipRecord,
    MemoryReplica,
    Records,
    Replica,
    UserRecord,
)
from scim_on_functions.version import __version__
from scim_on_functions.webhooks import VerificationError, verify

__all__ = [
    "Access",
    "AsyncCheckpoint",
    "AsyncClient",
    "AsyncFeed",
    "AsyncReplica",
    "AsyncTenant",
    "Checkpoint",
    "Client",
    "CursorExpiredError",
    "Document",
    "Event",
    "EventPage",
    "Feed",
    "ForbiddenError",
    "GroupRecord",
    "GuardNotice",
    "Ids",
    "InvalidRequestError",
    "Member",
    "MembershipRecord",
    "MemoryCheckpoint",
    "MemoryReplica",
    "NotFoundError",
    "RateLimitedError",
    "Records",
    "Replica",
    "ServiceError",
    "Tenant",
    "UnauthorizedError",
    "UnavailableError",
    "UserRecord",
    "VerificationError",
    "__version__",
    "apply",
    "apply_async",
    "resynchronise",
    "resynchronise_async",
    "roles_of",
    "verify",
]
