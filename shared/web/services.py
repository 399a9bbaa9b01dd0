"""What a process needs to serve requests, built once.

Nothing is opened or read at import: an error there would take every function down.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from shared.auth.configured import authenticator, tenant_tokens, webhook_secrets
from shared.auth.tenant_tokens import TenantTokens, WithoutVault
from shared.auth.tokens import Authenticator
from shared.auth.webhook_secrets import SecretsWithoutVault, WebhookSecrets
from shared.errors import Unavailable
from shared.identity import open_credential
from shared.notices import Notices
from shared.oauth.authorization_server import AuthorizationServer
from shared.oauth.key_sets import KeySets
from shared.schema_files import read_catalogue
from shared.scim.catalogue import Catalogue, interop_catalogue, product_catalogue
from shared.scim.documents import changed_names
from shared.scim.schema import ResourceType
from shared.settings import Settings, SettingsError
from shared.store.claims import UniqueAttribute
from shared.store.custom import CustomType
from shared.store.store import Store, open_store
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.telemetry.configured import open_telemetry
from shared.telemetry.telemetry import Off, Telemetry
from shared.web.attribute_recorder import AttributeRecorder
from shared.web.compute import Compute
from shared.web.guard_watch import GuardWatch
from shared.web.long_polls import LongPolls
from shared.web.provisioning_recorder import ProvisioningRecorder
from shared.web.readiness import Readiness
from shared.web.refused_tokens import RefusedTokens
from shared.web.request_rate_limit import PRODUCT, RequestRateLimit
from shared.web.requests import ScimRequest
from shared.web.trace_recorder import TraceRecorder
from shared.web.traced_exchange import names_of_hidden
from shared.webhooks.webhooks import Webhooks, WebhooksOff

_log = logging.getLogger(__name__)

_TALKATIVE = (
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.identity",
    "azure.monitor.opentelemetry",
)
"""Loggers of the SDKs that write at INFO whatever they send."""


Job = Callable[[str], Awaitable[None]]
"""Work that no request asks for. It is given the host's id of the run."""

MessageJob = Callable[[str, str], Awaitable[None]]
"""Work that a message of a queue asks for. It is given the id of the run, and the text."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that outlives a request."""

    settings: Settings
    authenticator: Authenticator
    store: Store
    catalogue: Catalogue = field(default_factory=Catalogue)
    telemetry: Telemetry = field(default_factory=Off)
    readiness: Readiness = field(default_factory=Readiness)
    compute: Compute = field(default_factory=Compute)
    long_polls: LongPolls = field(default_factory=LongPolls)
    tenant_tokens: TenantTokens = field(default_factory=WithoutVault)
    webhook_secrets: WebhookSecrets = field(default_factory=SecretsWithoutVault)
    refused_tokens: RefusedTokens = field(default_factory=RefusedTokens)
    webhooks: Webhooks = field(default_factory=WebhooksOff)
    rate_limit: RequestRateLimit = field(init=False)
    key_rate_limit: RequestRateLimit = field(init=False)
    recorder: ProvisioningRecorder = field(init=False)
    guard_watch: GuardWatch = field(init=False)
    attribute_recorder: AttributeRecorder = field(init=False)
    trace_recorder: TraceRecorder = field(init=False)
    authorization_server: AuthorizationServer = field(init=False)

    def __post_init__(self) -> None:
        """Give every tenant rate limits, a log and an authorization server, by the settings."""
        of_tenant = RequestRateLimit(self._requests_per_second)
        of_keys = RequestRateLimit(self._requests_per_second, sender=PRODUCT)
        days = self.settings.provisioning_log_days
        recorder = ProvisioningRecorder(self.store.log, is_on=days > 0)
        object.__setattr__(self, "rate_limit", of_tenant)
        object.__setattr__(self, "key_rate_limit", of_keys)
        object.__setattr__(self, "recorder", recorder)
        object.__setattr__(self, "guard_watch", GuardWatch(self.store.guard))
        object.__setattr__(
            self, "attribute_recorder", AttributeRecorder(self.store.log, is_on=days > 0)
        )
        hidden = names_of_hidden(self.catalogue.schemas)
        object.__setattr__(self, "trace_recorder", TraceRecorder(self.store.traces, hidden))
        seconds = 60 * self.settings.access_token_minutes
        key_sets = KeySets(self.settings.jwks_hosts)
        is_local = self.settings.is_development and bool(self.settings.development_tokens)
        server = AuthorizationServer(
            self.authenticator, seconds, key_sets=key_sets, draws_key=is_local
        )
        object.__setattr__(self, "authorization_server", server)

    def rate_limit_of(self, request: ScimRequest) -> RequestRateLimit:
        """Return the rate limit in which a request counts."""
        return self.key_rate_limit if request.is_product else self.rate_limit

    def catalogue_for(self, request: ScimRequest) -> Catalogue:
        """Return what the sender of a request is served, by the profile of the tenant.

        The product has roles besides.
        """
        if request.is_product:
            return product_catalogue(self.catalogue)
        return interop_catalogue(self.catalogue) if request.is_interop else self.catalogue

    async def close(self) -> None:
        """Close every connection, and send what telemetry is left."""
        await self.authorization_server.close()
        await self.webhooks.close()
        await self.authenticator.close()
        await self.recorder.close()
        await self.guard_watch.close()
        await self.attribute_recorder.close()
        await self.trace_recorder.close()
        await self.store.close()
        await asyncio.to_thread(self.telemetry.close)

    def _requests_per_second(self, tenant: str) -> int:
        """Say how many requests a second a tenant is served, by what was read of it last."""
        of_tenant = self.store.settings.latest(tenant)
        said = None if of_tenant is None else of_tenant.requests_per_second
        return self.settings.requests_per_second if said is None else said


def build(settings: Settings) -> Services:
    """Put the services together as the settings say; nothing is sent yet.

    Raises:
        SettingsError: a file of schemas is wrong.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    catalogue = read_catalogue(settings.schemas)
    opened = authenticator(settings)
    store, secrets = _open_store(settings, catalogue), webhook_secrets(settings, opened)
    return Services(
        settings,
        opened,
        store,
        catalogue,
        open_telemetry(settings),
        tenant_tokens=tenant_tokens(settings, opened),
        webhook_secrets=secrets,
        webhooks=_open_webhooks(settings, store, secrets, catalogue),
    )


_OFF = Off()
_current: Services | None = None
_notices = Notices()


def current() -> Services:
    """Return the services of this process.

    Raises:
        Unavailable: the settings are wrong; the log names each of them, once a minute at most.
    """
    try:
        return _built()
    except SettingsError as error:
        _report(filter(_notices.is_due, error.problems))
        raise Unavailable(
            "The service is not configured; its operator finds the settings in the log.",
            retry_after=60,
        ) from error


def prepare() -> None:
    """Build the services ahead of the first request, which then imports no SDK; nothing is sent.

    What is wrong is in the log at once, and again when a request meets it.
    """
    try:
        _built()
    except SettingsError as error:
        _report(error.problems)
    except Exception:  # noqa: BLE001 - as said above
        _log.exception("the services could not be built ahead of the first request")


async def prefetch() -> None:
    """Fetch the keys of issuers that tenants trust, so that the first of their tokens waits less.

    It reads the list of secrets, which the first request needs as well and which is read once; more
    only where a client is known by tokens of another issuer. What fails is tried again by whoever
    needs it.
    """
    try:
        await _built().authorization_server.prefetch_keys()
    except (SettingsError, Unavailable):
        return  # the log has it by now
    except Exception:  # noqa: BLE001 - as said above
        _log.exception("the keys of issuers could not be fetched ahead of the first request")


def telemetry() -> Telemetry:
    """Return where finished requests are told: nowhere until a request has needed the services.

    So a probe and a stray path cost nothing, and wrong settings do not matter to them.
    """
    return _OFF if _current is None else _current.telemetry


def _built() -> Services:
    """Return the services of this process, built now if they are not yet.

    Raises:
        SettingsError: the settings are wrong.
    """
    global _current  # noqa: PLW0603 - one client a process is the point
    if _current is None:
        _current = build(Settings.from_environment(os.environ))
    return _current


def _open_store(settings: Settings, catalogue: Catalogue) -> Store:
    secret = settings.table_connection_string
    address = TableAddress(
        settings.table_name,
        endpoint=settings.table_endpoint,
        connection_string=None if secret is None else secret.get_secret_value(),
    )
    credential = open_credential(settings) if secret is None else None
    table = open_table(address, credential, settings.table_client)
    return open_store(
        table,
        changed_names,
        custom=tuple(map(_custom_type, catalogue.custom)),
        reject_unknown_members=settings.unknown_members == "reject",
        member_writes_per_second=settings.member_writes_per_second,
        beside=table.beside(),
    )


def _open_webhooks(
    settings: Settings, store: Store, secrets: WebhookSecrets, catalogue: Catalogue
) -> Webhooks:
    if settings.webhooks == "off":
        return WebhooksOff()
    # Imported here: it brings what sends and signs, which a service without webhooks never needs.
    from shared.webhooks.webhooks_on import open_webhooks  # noqa: PLC0415

    paths = {each.name: each.endpoint for each in catalogue.resource_types}
    return open_webhooks(settings, store, secrets, paths)


def _custom_type(resource_type: ResourceType) -> CustomType:
    """Tell the store of a type what it has to know: its name, and what is unique."""
    unique = tuple(
        UniqueAttribute(attribute.name, attribute.case_exact) for attribute in resource_type.unique
    )
    return CustomType(resource_type.name, unique)


def _report(problems: Iterable[str]) -> None:
    for problem in problems:
        _log.error("setting refused: %s", problem)
