"""What the tools that speak SCIM to a service share: their options, and how they end."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Self

import typer
from rich.console import Console

from tools.provision.client import Limits, Say, ScimClient
from tools.provision.report import ProgressBars, Silence
from tools.provision.results import Ledger
from tools.provision.tenant_url import FLAG_PARAMETER, checked_token, split_tenant_url
from tools.provision.watch import Watch
from tools.provision.wire import Dialect

_TRANSPORT = "Transport"
OUTPUT = "Output"
"""Panel of the help that says what is shown."""

Url = Annotated[
    str,
    typer.Option(
        envvar="SCIM_URL",
        show_envvar=True,
        help="Tenant URL of the service, as typed into Entra. "
        f"?{FLAG_PARAMETER} in it asks for the dialect flag.",
    ),
]
Token = Annotated[
    str,
    typer.Option(
        envvar="SCIM_TOKEN",
        show_envvar=True,
        help="Secret token. Better in the environment, where no shell history keeps it.",
    ),
]
Concurrency = Annotated[
    int, typer.Option(min=1, help="Requests under way at once.", rich_help_panel=_TRANSPORT)
]
Timeout = Annotated[
    float, typer.Option(min=0.1, help="Seconds an attempt may take.", rich_help_panel=_TRANSPORT)
]
Retries = Annotated[
    int,
    typer.Option(
        min=0,
        help="Repetitions of a request after 429 or 503 (as Retry-After says), or a lost answer "
        "unless it may have created a resource.",
        rich_help_panel=_TRANSPORT,
    ),
]
Show = Annotated[
    int, typer.Option(min=0, help="Lines listed of each kind.", rich_help_panel=OUTPUT)
]
LIMITS = Limits()
"""The defaults of the options of the transport."""


@dataclass(frozen=True, slots=True)
class Target:
    """The service that the options name.

    Attributes:
        url: Base of every request.
        dialect: What the Tenant URL asks for.
        token: Opens the service.
        limits: What is asked of it at most.
    """

    url: str
    dialect: Dialect
    token: str
    limits: Limits

    @classmethod
    def of(cls, url: str, token: str, limits: Limits) -> Self:
        """Check what the command line says.

        Raises:
            UsageError: the URL or the token cannot be used.
        """
        base, dialect = split_tenant_url(url)
        return cls(base, dialect, checked_token(token), limits)

    def client(self, say: Say) -> ScimClient:
        """Make a client of the service, which says by `say` why it waits."""
        client = ScimClient(self.url, self.token, Ledger(), self.limits)
        client.say = say
        return client


@contextlib.contextmanager
def watching(*, quiet: bool) -> Iterator[Watch]:
    """Show the progress on standard error until the block ends, or nothing."""
    if quiet:
        yield Silence()
        return
    with ProgressBars(Console(stderr=True)) as bars:
        yield bars


def stop(line: str, status: int = 2) -> typer.Exit:
    """Say in one line on standard error what is wrong, and return how to end."""
    Console(stderr=True).print(f"error: {line}", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(status)
