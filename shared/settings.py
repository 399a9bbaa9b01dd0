"""Every setting of the service: one frozen model, read once from the environment.

A setting that is empty counts as not set. Wrong ones are reported together, a line each, which
names the setting, says what is wrong and what to put, and never shows a value.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
)

from shared import api_keys, clients, tenants
from shared.api_keys import Grant

TENANT_TOKEN = "SCIM_SECRET_TOKEN__<TENANT>"  # noqa: S105 - the name of a setting, not a token
SCHEMAS = "SCIM_SCHEMAS"
API_KEY = "SCIM_API_KEY__<NAME>"
_TENANT_TOKEN_PREFIX = TENANT_TOKEN.removesuffix("<TENANT>")
_API_KEY_PREFIX = API_KEY.removesuffix("<NAME>")
_PREFIXES = {TENANT_TOKEN: _TENANT_TOKEN_PREFIX, API_KEY: _API_KEY_PREFIX}
"""What settings begin with that end with a name of the operator's choice."""
_ENVIRONMENT = "AZURE_FUNCTIONS_ENVIRONMENT"
_CONNECTION_STRING = "TABLE_CONNECTION_STRING"

_CLIENT_SECRET = "SCIM_CLIENT_SECRET"  # noqa: S105 - the name of a setting, no secret
_LOOPBACK = "SCIM_WEBHOOKS_TO_LOOPBACK"
_HOST_STORAGE = "AzureWebJobsStorage"
_QUEUES = f"{_HOST_STORAGE}__queueServiceUri"

_DEVELOPMENT_ONLY = frozenset(
    {
        "SCIM_SECRET_TOKEN",
        _CLIENT_SECRET,
        *_PREFIXES,
        _CONNECTION_STRING,
        _LOOPBACK,
        _HOST_STORAGE,
    }
)

# The account that every storage emulator knows; its key is published and opens nothing else.
_EMULATOR = {
    "DefaultEndpointsProtocol": "http",
    "AccountName": "devstoreaccount1",
    "AccountKey": (
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    ),
    "QueueEndpoint": "http://127.0.0.1:10001/devstoreaccount1",
    "TableEndpoint": "http://127.0.0.1:10002/devstoreaccount1",
}


class SettingsError(ValueError):
    """Settings with which the service must not run.

    Attributes:
        problems: A line for each wrong setting: its name, what is wrong, what to put.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """A setting as the documentation shows it; `default` is None where there is none."""

    name: str
    default: str | None
    description: str


@dataclass(frozen=True, slots=True)
class DevelopmentKey:
    """An API key of a developer's machine.

    Attributes:
        value: The key itself.
        grant: What it allows.
    """

    value: SecretStr
    grant: Grant


def _https(value: str) -> str:
    return _address(value, schemes=("https",))


def _host_only(value: str) -> str:
    address = _https(value)
    if urlsplit(address).path:
        raise ValueError("should end after the host name; put https://<vault>.vault.azure.net")
    return address


def _public_address(value: str, info: ValidationInfo) -> str:
    development = is_development(info.data.get("environment", ""))
    return _address(value, schemes=("https", "http") if development else ("https",))


def _address(value: str, *, schemes: tuple[str, ...]) -> str:
    """Return a plain absolute URL without its trailing slash."""
    wanted = f"put {schemes[0]}://<host>"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(f"should be an absolute URL; {wanted}") from None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise ValueError(f"should be an {' or '.join(schemes)} URL; {wanted}")
    if _carries_more(parts) or not re.fullmatch(r"[!-~]+", value):
        raise ValueError(f"should hold no credentials, query, fragment or spaces; {wanted}")
    return value.rstrip("/")


def _carries_more(parts: SplitResult) -> bool:
    return bool(parts.username or parts.password or parts.query or parts.fragment)


def _token(value: SecretStr) -> SecretStr:
    if not tenants.TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError(
            "should be 16 to 4096 visible ASCII characters without spaces;"
            " put 32 random bytes in base64url"
        )
    if api_keys.is_key(value.get_secret_value()):
        raise ValueError(f"should not begin with {api_keys.PREFIX}, as API keys do; put another")
    return value


def _client_secret(value: SecretStr) -> SecretStr:
    if not clients.is_secret(value.get_secret_value()):
        raise ValueError(
            f"should begin with {clients.SECRET_PREFIX} and go on with 32 random characters of"
            " base64url or more"
        )
    return value


def _tenant(suffix: str) -> str:
    tenant = tenants.of_setting(suffix)
    if tenant is None:
        raise ValueError(
            "names no tenant; put up to 40 letters, digits and single _ (which stand for -),"
            " and SCIM_SECRET_TOKEN for the tenant default"
        )
    return tenant


def _api_key_name(suffix: str) -> str:
    name = api_keys.named(suffix.replace("_", "-"))
    if name is None:
        raise ValueError(
            "names no API key; put up to 40 letters, digits and single _ (which stand for -)"
        )
    return name


def _api_key(value: object) -> object:
    """Read `<key> scopes=<scope>,... tenants=<tenant>,...`; what follows the key is as its tags."""
    if not isinstance(value, str):
        return value
    key, *words = value.split()
    tags = dict(word.split("=", 1) for word in words if "=" in word)
    if api_keys.name_in(key) is None:
        raise ValueError(
            f"should begin with {api_keys.PREFIX}<name>_ and 32 random characters of base64url or"
            f" more; put such a key, and behind it scopes={','.join(api_keys.Scope)}"
        )
    known = {api_keys.SCOPES_TAG, api_keys.TENANTS_TAG}
    if len(tags) < len(words) or not tags.keys() <= known or any(api_keys.unknown_words(tags)):
        raise ValueError(
            "should hold behind the key nothing but scopes=<scope>,<scope> and tenants=<tenant>,"
            f"<tenant>; the scopes are {', '.join(api_keys.Scope)}"
        )
    return DevelopmentKey(SecretStr(key), Grant.of_tags(tags))


def _under_its_name(keys: Mapping[str, DevelopmentKey]) -> Mapping[str, DevelopmentKey]:
    """Refuse a key that says another name than its setting: it would never be found."""
    for name, each in keys.items():
        said = api_keys.name_in(each.value.get_secret_value())
        if said != name:
            raise ValueError(f"holds a key of another name than {name}; name both alike")
    return keys


def _connection_string(value: SecretStr) -> SecretStr:
    return SecretStr(_expanded(value.get_secret_value()))


def _expanded(text: str) -> str:
    """Write `UseDevelopmentStorage=true` out, which the SDK does not know.

    What else is given wins, as `TableEndpoint=http://127.0.0.1:11002/devstoreaccount1` does after
    it for an Azurite on another port.
    """
    given = dict(_pair(part) for part in text.split(";") if part.strip())
    emulated = given.pop("UseDevelopmentStorage", "false").lower() == "true"
    pairs = {**_EMULATOR, **given} if emulated else given
    if not {"AccountName", "AccountKey"} <= pairs.keys():
        raise ValueError(
            "should name AccountName and AccountKey; put UseDevelopmentStorage=true for Azurite"
        )
    return ";".join(f"{name}={value}" for name, value in pairs.items())


def _pair(part: str) -> tuple[str, str]:
    name, separator, value = part.strip().partition("=")
    if not separator:
        raise ValueError("should be Name=value pairs separated by ';'")
    return name, value


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError("should be a colour as six hexadecimal digits; put one like #1f5fbf")
    return value.lower()


def _picture(value: str) -> str:
    if not value.lower().endswith((".png", ".jpg", ".jpeg", ".webp")):
        raise ValueError(
            "should name a .png, .jpg or .webp file of the app; put one, since SVG can hold scripts"
        )
    return value


def _one_line(value: str) -> str:
    if len(value) > _MOST_NAME_LENGTH or not value.isprintable():
        raise ValueError(f"should be up to {_MOST_NAME_LENGTH} characters of one line; put a name")
    return value


_MOST_NAME_LENGTH = 60
_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"(?:localhost|(?:{_LABEL}\.)+{_LABEL})(?::[0-9]{{1,5}})?")


def _hosts(value: object) -> object:
    """Read names of hosts, with a port or without."""
    if not isinstance(value, str):
        return value
    hosts = [host.strip().lower() for host in value.split(",") if host.strip()]
    if not hosts or not all(map(_HOST.fullmatch, hosts)):
        raise ValueError(
            "should be full names of hosts, by commas; put"
            " login.microsoftonline.com,login.windows.net"
        )
    return frozenset(hosts)


def _table_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{2,62}", value) or value.lower() == "tables":
        raise ValueError("should be 3 to 63 letters and digits, a letter first; put scim")
    return value


def is_development(environment: str) -> bool:
    """Say whether a value of AZURE_FUNCTIONS_ENVIRONMENT means a developer's machine."""
    return environment.lower() == "development"


_Tenant = Annotated[str, AfterValidator(_tenant)]
_Token = Annotated[SecretStr, AfterValidator(_token)]
_ApiKeyName = Annotated[str, AfterValidator(_api_key_name)]
_ApiKey = Annotated[DevelopmentKey, BeforeValidator(_api_key)]


class Settings(BaseModel):
    """The settings, checked. Each field's alias is the name of its environment variable.

    Exactly one of `table_endpoint` and `table_connection_string` is set; the latter and the tokens
    only in development.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    environment: str = Field(
        "Production",
        alias=_ENVIRONMENT,
        description="`Development` on a developer's machine, where `func start` sets it."
        " Every other value is production.",
    )
    key_vault_url: Annotated[str, AfterValidator(_host_only)] | None = Field(
        None,
        alias="KEY_VAULT_URL",
        description="The vault that holds the secret tokens: `https://<vault>.vault.azure.net`."
        " Needed in production: without it every request is answered 503.",
    )
    secret_token: _Token | None = Field(
        None,
        alias="SCIM_SECRET_TOKEN",
        description="Development only: the secret token of the tenant `default`,"
        " 16 to 4096 visible ASCII characters.",
    )
    tenant_secret_tokens: Mapping[_Tenant, _Token] = Field(
        {},
        alias=TENANT_TOKEN,
        description="Development only: the secret token of another tenant;"
        " `SCIM_SECRET_TOKEN__AB_CD` is that of `ab-cd`.",
    )
    client_secret: Annotated[SecretStr, AfterValidator(_client_secret)] | None = Field(
        None,
        alias=_CLIENT_SECRET,
        description="Development only: the secret of the OAuth client `local`, which each tenant of"
        " the settings then has: `scimsecret_<random>`"
        " ([docs/operate.md](docs/operate.md#on-your-machine)).",
    )
    api_keys: Annotated[Mapping[_ApiKeyName, _ApiKey], AfterValidator(_under_its_name)] = Field(
        {},
        alias=API_KEY,
        description="Development only: an API key with what it allows,"
        " `scimkey_crm_<random> scopes=identities.read tenants=acme,default`; without `tenants`"
        " it opens all. The key `crm` is set by `SCIM_API_KEY__CRM`"
        " ([docs/integrate.md](docs/integrate.md)).",
    )
    client_id: str | None = Field(
        None,
        alias="AZURE_CLIENT_ID",
        description="Client id of the user-assigned identity; not set for a system-assigned one.",
    )
    table_endpoint: Annotated[str, AfterValidator(_https)] | None = Field(
        None,
        alias="TABLE_ENDPOINT",
        description="The Table service, reached with the app's identity:"
        " `https://<account>.table.core.windows.net`. Needed in production.",
    )
    table_connection_string: Annotated[SecretStr, AfterValidator(_connection_string)] | None = (
        Field(
            None,
            alias=_CONNECTION_STRING,
            description="Development only: a connection string instead of TABLE_ENDPOINT."
            " Azurite's (`UseDevelopmentStorage=true`) when neither is set.",
        )
    )
    table_name: Annotated[str, AfterValidator(_table_name)] = Field(
        "scim", alias="TABLE_NAME", description="The table that holds everything."
    )
    table_client: Literal["rest", "sdk"] = Field(
        "rest",
        alias="SCIM_TABLE_CLIENT",
        description="How Table Storage is spoken to: `rest` is the project's own client, `sdk` is"
        " azure-data-tables, which takes several times the CPU. To be tried if storage ever answers"
        " in a way that the first does not understand.",
    )
    base_url: Annotated[str, AfterValidator(_public_address)] | None = Field(
        None,
        alias="SCIM_BASE_URL",
        description="The public address behind which a gateway hides the app, as"
        " `https://id.example.com`; `/scim/v2` is appended. Not set: that of the request.",
    )
    schemas: str | None = Field(
        None,
        alias=SCHEMAS,
        description="A file or folder with schemas and resource types of your own, from the folder"
        " of the app on: `scim_schemas` ([docs/extending.md](docs/extending.md)).",
    )
    max_body_bytes: int = Field(
        1_048_576,
        alias="SCIM_MAX_BODY_BYTES",
        ge=4_096,
        le=16_777_216,
        description="The largest request body, in bytes; a larger one is answered 413.",
    )
    request_deadline_seconds: float = Field(
        25.0,
        alias="SCIM_REQUEST_DEADLINE_SECONDS",
        ge=1,
        le=55,
        description="What all storage calls of a request may take together, in seconds;"
        " below the functionTimeout of host.json.",
    )
    requests_per_second: int = Field(
        50,
        alias="SCIM_REQUESTS_PER_SECOND",
        ge=25,
        le=10_000,
        description="How many requests a second a tenant is served by each instance, and twice as"
        " many in a burst; more are answered 429. Identity providers count on 25.",
    )
    access_token_minutes: int = Field(
        60,
        alias="SCIM_ACCESS_TOKEN_MINUTES",
        ge=60,
        le=360,
        description="For how long an access token of an OAuth client is valid, in minutes; Entra"
        " asks for 60 to 360.",
    )
    jwks_hosts: Annotated[frozenset[str], BeforeValidator(_hosts)] = Field(
        frozenset({"login.microsoftonline.com", "login.windows.net"}),
        alias="SCIM_JWKS_HOSTS",
        description="Hosts from which the keys of other issuers may be fetched, by commas. Not set:"
        " those of Entra ([docs/operate.md](docs/operate.md#oauth-clients)).",
    )
    unknown_members: Literal["skip", "reject"] = Field(
        "skip",
        alias="SCIM_UNKNOWN_MEMBERS",
        description="What becomes of a group member that is neither a user nor a group: `skip`"
        " leaves it out and records it, `reject` refuses the request.",
    )
    member_writes_per_second: int = Field(
        1_000,
        alias="SCIM_MEMBER_WRITES_PER_SECOND",
        ge=1,
        le=2_000,
        description="What large changes of members write together, in entities a second, tenant"
        " and instance. Table Storage takes 2,000 for a tenant.",
    )
    scan_max_rows: int = Field(
        10_000,
        alias="SCIM_SCAN_MAX_ROWS",
        ge=1,
        le=1_000_000,
        description="How many rows a filter without an index, or sorting, may read before"
        " `tooMany`.",
    )
    scan_max_seconds: float = Field(
        10.0,
        alias="SCIM_SCAN_MAX_SECONDS",
        ge=0.1,
        le=55,
        description="How long such a query may take before `tooMany`, in seconds.",
    )
    history_days: int = Field(
        400,
        alias="SCIM_HISTORY_DAYS",
        ge=30,
        le=36_500,
        description="How many days change rows are kept, the history of who was changed when and"
        " by which token; 36500 is a hundred years.",
    )
    provisioning_log_days: int = Field(
        30,
        alias="SCIM_PROVISIONING_LOG_DAYS",
        ge=0,
        le=400,
        description="How many days the provisioning log is kept, which tells what was refused, with"
        " names of people; 0 writes none.",
    )
    telemetry: Literal["off", "on"] = Field(
        "off",
        alias="SCIM_TELEMETRY",
        description="`on` sends traces and metrics by OpenTelemetry; docs/operate.md says what"
        " must be deployed for it, and where they go.",
    )

    portal: Literal["off", "on"] = Field(
        "off",
        alias="SCIM_PORTAL",
        description="`on` serves the portal below `/portal` to whoever holds a setup link, as"
        " `make run` does.",
    )
    webhooks: Literal["off", "on"] = Field(
        "off",
        alias="SCIM_WEBHOOKS",
        description="`on` sends events to the webhook endpoints that are registered below"
        " `/api/v1/webhooks` ([docs/integrate.md](docs/integrate.md#webhooks)), as `make run`"
        " does.",
    )
    webhooks_to_loopback: Literal["off", "on"] = Field(
        "off",
        alias=_LOOPBACK,
        description="Development only: `on` lets a webhook go to this machine, by http as well, as"
        " `make run` does.",
    )
    queue_endpoint: Annotated[str, AfterValidator(_https)] | None = Field(
        None,
        alias=_QUEUES,
        description="With SCIM_WEBHOOKS=on: where the queue of hints lies, as the host has it too.",
    )
    queue_connection_string: Annotated[SecretStr, AfterValidator(_connection_string)] | None = (
        Field(
            None,
            alias=_HOST_STORAGE,
            description="Development only, with SCIM_WEBHOOKS=on: the same by a connection string,"
            " as the host has it too. Azurite's when neither is set.",
        )
    )

    portal_staff: Literal["off", "entra"] = Field(
        "off",
        alias="SCIM_PORTAL_STAFF",
        description="`entra` lets the vendor's staff into the portal of every tenant, signed in by"
        " App Service authentication. The template sets it together with that"
        " ([docs/portal.md](docs/portal.md#staff-of-the-vendor)); never set it by hand.",
    )
    portal_staff_role: Annotated[str, AfterValidator(_one_line)] = Field(
        "Scim.Portal.Staff",
        alias="SCIM_PORTAL_STAFF_ROLE",
        description="The app role that staff have in the app registration.",
    )
    portal_product: Annotated[str, AfterValidator(_one_line)] | None = Field(
        None,
        alias="SCIM_PORTAL_PRODUCT",
        description="What the pages of the portal call your product, up to 60 characters.",
    )
    portal_colour: Annotated[str, AfterValidator(_colour)] | None = Field(
        None,
        alias="SCIM_PORTAL_COLOUR",
        description="The colour of links and buttons of the portal, as `#1f5fbf`; made darker or"
        " lighter where text could not be read otherwise.",
    )
    portal_logo: Annotated[str, AfterValidator(_picture)] | None = Field(
        None,
        alias="SCIM_PORTAL_LOGO",
        description="A PNG, JPEG or WebP file of up to 100 kB, from the folder of the app on, that"
        " the pages of the portal show.",
    )
    portal_return_hosts: Annotated[frozenset[str], BeforeValidator(_hosts)] = Field(
        frozenset(),
        alias="SCIM_PORTAL_RETURN_HOSTS",
        description="Hosts of your product, by commas, to which a setup link may lead back. Not"
        " set: none.",
    )

    @property
    def is_development(self) -> bool:
        """Whether this is a developer's machine, where tokens and keys may come from settings."""
        return is_development(self.environment)

    @property
    def development_tokens(self) -> Mapping[str, SecretStr]:
        """The tokens of the settings by tenant; empty outside development."""
        own = {} if self.secret_token is None else {tenants.DEFAULT: self.secret_token}
        return {**own, **self.tenant_secret_tokens}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from environment variables; variables of others are left alone.

        Raises:
            SettingsError: Settings are wrong, missing, or not allowed outside development.
        """
        values = _given(environ)
        problems = list(_misplaced(values))
        try:
            settings = cls.model_validate(_with_storage(_placed(values)))
        except ValidationError as error:
            problems.extend(_lines(error))
        if problems:
            # Not chained: pydantic's error holds the values, secrets among them.
            raise SettingsError(tuple(problems)) from None
        return settings


def describe() -> Iterator[SettingDescription]:
    """Yield every setting in the order of the model, for documentation to be held against."""
    for field in Settings.model_fields.values():
        default = None if field.default in (None, {}, frozenset()) else _shown(field.default)
        yield SettingDescription(field.alias or "", default, field.description or "")


def _shown(default: object) -> str:
    return ",".join(sorted(default)) if isinstance(default, frozenset) else str(default)


def _given(environ: Mapping[str, str]) -> dict[str, Any]:
    """Pick out what is ours and not empty; tokens and API keys by the end of their names."""
    stripped = {name: value.strip() for name, value in environ.items() if value.strip()}
    known = {description.name for description in describe()} - _PREFIXES.keys()
    own: dict[str, Any] = {name: value for name, value in stripped.items() if name in known}
    for setting, prefix in _PREFIXES.items():
        named = {
            name.removeprefix(prefix): value
            for name, value in stripped.items()
            if name.startswith(prefix)
        }
        if named:
            own[setting] = named
    return own


def _with_storage(values: dict[str, Any]) -> dict[str, Any]:
    """Let a developer's machine fall back to Azurite where it listens by default."""
    if not is_development(values.get(_ENVIRONMENT, "")):
        return values
    missing = [
        setting
        for setting, address in ((_CONNECTION_STRING, "TABLE_ENDPOINT"), (_HOST_STORAGE, _QUEUES))
        if address not in values
    ]
    return {**dict.fromkeys(missing, "UseDevelopmentStorage=true"), **values}


def _placed(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is refused in production: that it is there is all there is to say about it.

    The storage of the host is looked at where hints go there, and is else the host's own affair.
    """
    kept = set(values)
    if values.get("SCIM_WEBHOOKS") != "on":
        kept -= {_HOST_STORAGE, _QUEUES}
    if not is_development(values.get(_ENVIRONMENT, "")):
        kept -= _DEVELOPMENT_ONLY
    return {name: value for name, value in values.items() if name in kept}


def _misplaced(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for what is missing, set twice, or for developers alone."""
    if is_development(values.get(_ENVIRONMENT, "")):
        yield from _doubled(values)
    else:
        yield from _missing_in_production(values)
        yield from _refused_in_production(values)


def _doubled(values: Mapping[str, Any]) -> Iterator[str]:
    if "TABLE_ENDPOINT" in values and _CONNECTION_STRING in values:
        yield f"TABLE_ENDPOINT and {_CONNECTION_STRING} are both set; keep one"
    for setting, what in ((TENANT_TOKEN, "tenant"), (API_KEY, "API key")):
        named = (tenants.named(suffix.replace("_", "-")) for suffix in values.get(setting, {}))
        for name, times in Counter(named).items():
            if name is not None and times > 1:
                yield f"{setting} is set {times} times for the {what} {name}; keep one"


def _missing_in_production(values: Mapping[str, Any]) -> Iterator[str]:
    if "TABLE_ENDPOINT" not in values:
        yield "TABLE_ENDPOINT is not set; put https://<account>.table.core.windows.net"
    if values.get("SCIM_WEBHOOKS") == "on" and _QUEUES not in values:
        yield (
            f"{_QUEUES} is not set, and SCIM_WEBHOOKS is on; put"
            " https://<account>.queue.core.windows.net"
        )


def _refused_in_production(values: Mapping[str, Any]) -> Iterator[str]:
    if _CONNECTION_STRING in values:
        yield (
            f"{_CONNECTION_STRING} is for development only, because shared keys are switched off"
            " in production; remove it and put TABLE_ENDPOINT"
        )
    if _LOOPBACK in values:
        yield (
            f"{_LOOPBACK} is for development only ({_ENVIRONMENT}=Development), because what"
            " listens on an instance itself is for nobody outside; remove it"
        )
    alone = {"SCIM_SECRET_TOKEN": "token", _CLIENT_SECRET: "secret"}
    named = {name: what for name, what in alone.items() if name in values}
    tokens = [f"{_TENANT_TOKEN_PREFIX}{suffix}" for suffix in values.get(TENANT_TOKEN, {})]
    keys = [f"{_API_KEY_PREFIX}{suffix}" for suffix in values.get(API_KEY, {})]
    named |= {**dict.fromkeys(tokens, "token"), **dict.fromkeys(keys, "key")}
    for name, what in named.items():
        yield (
            f"{name} is for development only ({_ENVIRONMENT}=Development);"
            f" remove it and keep the {what} in Key Vault"
        )


def _lines(error: ValidationError) -> Iterator[str]:
    """Yield a line for each setting that was refused: the first thing that is wrong with it."""
    told = set()
    for problem in error.errors(include_input=False, include_context=False, include_url=False):
        setting = _setting_of(problem["loc"])
        if setting not in told:
            told.add(setting)
            message = problem["msg"].removeprefix("Value error, ")
            yield f"{setting} {message.replace('Input should', 'should')}"


def _setting_of(location: tuple[int | str, ...]) -> str:
    alias, *suffix = location
    return f"{_PREFIXES[str(alias)]}{suffix[0]}" if suffix else str(alias)
