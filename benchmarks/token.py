"""How long an access token takes: `python -m benchmarks.token`.

The app runs with the settings of production; the vault, the identity endpoint, the storage and the
issuer of the assertions are on loopback, over TLS. Each round starts a fresh process, waits until
it is up, and asks for the first token, which needs the vault and cryptography; then for more.
Between a process that is up and the first token nothing else is asked. Medians of the rounds are
shown, what nine of ten take at most, and the CPU of the process, which depends least on what else
the machine does.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.driven import cpu_of
from tests.support.fakes.issuer import FakeIssuer
from tests.support.fakes.key_vault import serving
from tests.support.oauth import SIGNING_KEY, client_secret, private_key, public_half, signed
from tests.support.production import azure_in, deployed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    import httpx

    from tests.support.production import Azure, Deployed

URL = "https://id.example.com/tenants/acme/scim/v2"
PATH = "/tenants/acme/scim/v2/oauth2/token"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MILLISECONDS = 1_000

PAUSE_SECONDS = 2.0
"""After which all is loaded that is loaded ahead of requests."""

WARM_GOAL, COLD_GOAL = 100.0, 600.0
"""Milliseconds."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which a client shows who it is.

    Attributes:
        name: as it is shown.
        form: what is sent beside the grant type, made for each request.
    """

    name: str
    form: Callable[[], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds of a way.

    Attributes:
        cold: of the first token of each process.
        warm: of the others.
        cold_cpu: of the process for the first token.
        warm_cpu: of the process for each of the others, on average.
    """

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    cold_cpu: list[float] = field(default_factory=list)
    warm_cpu: list[float] = field(default_factory=list)


@app.command()
def main(
    rounds: Annotated[int, typer.Option(min=2, help="Processes that are started each way.")] = 7,
    warm: Annotated[int, typer.Option(min=10, help="Tokens after the first of each.")] = 100,
) -> None:
    """Measure how soon the token endpoint answers, in a fresh process and afterwards."""
    measured = asyncio.run(_measure(rounds, warm))
    print(table(measured))
    for name, of_way in measured.items():
        is_met = median(of_way.warm) < WARM_GOAL and median(of_way.cold) < COLD_GOAL
        print(f"{'reached' if is_met else 'MISSED '}  {name}")


def table(measured: dict[str, Measured]) -> str:
    """Write what was measured as a table."""
    lines = [
        "| a token by | first of a process, ms: median; 9 of 10 | CPU | warm, ms | CPU |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, each in measured.items():
        cold = f"{_figures(each.cold)} | {median(each.cold_cpu):,.0f}"
        warm = f"{_figures(each.warm)} | {median(each.warm_cpu):,.1f}"
        lines.append(f"| {name} | {cold} | {warm} |")
    return "\n".join(lines)


def _figures(milliseconds: Sequence[float]) -> str:
    return f"{median(milliseconds):,.0f}; {quantiles(milliseconds, n=10)[-1]:,.0f}"


async def _measure(rounds: int, warm: int) -> dict[str, Measured]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        azure = await stack.enter_async_context(azure_in(folder))
        issuer = await stack.enter_async_context(_issuing(folder))
        ways = _furnish(azure, issuer)
        settings = {**azure.settings, "SCIM_JWKS_HOSTS": issuer.host}
        found = {way.name: Measured() for way in ways}
        for _ in range(rounds):
            for way in ways:
                async with deployed(settings) as instance:
                    await _round(instance, way, warm, found[way.name])
        return found


async def _round(instance: Deployed, way: Way, warm: int, measured: Measured) -> None:
    """Ask a fresh process for the first token and for others."""
    (await instance.client.get("/healthz")).raise_for_status()
    await asyncio.sleep(PAUSE_SECONDS)
    before = cpu_of(instance.pid)
    measured.cold.append(await _asked(instance.client, way))
    between = cpu_of(instance.pid)
    measured.warm.extend([await _asked(instance.client, way) for _ in range(warm)])
    after = cpu_of(instance.pid)
    measured.cold_cpu.append((between - before) * _MILLISECONDS)
    measured.warm_cpu.append((after - between) * _MILLISECONDS / warm)


@asynccontextmanager
async def _issuing(folder: Path) -> AsyncIterator[FakeIssuer]:
    """Run an issuer whose certificate the app trusts as it does those of Azure."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    issuer = FakeIssuer()
    async with serving(issuer.serve, tls) as issuer.url:
        yield issuer


def _furnish(azure: Azure, issuer: FakeIssuer) -> list[Way]:
    """Put a signing key and a client of each kind into the vault."""
    secret, key = client_secret(), private_key()
    azure.vault.put(SIGNING_KEY, private_key())
    azure.vault.put("scim-client--acme--entra", secret)
    azure.vault.put("scim-client--acme--okta", public_half(key))
    azure.vault.put("scim-client--acme--wif", issuer.trust(), content_type="SCIM client trust")

    def of_key() -> str:
        now = int(time.time())
        claims = {"iss": "okta", "sub": "okta", "aud": URL, "iat": now, "exp": now + 300}
        return signed({**claims, "jti": secrets.token_hex(8)}, key)

    return [
        Way("client secret", lambda: {"client_id": "entra", "client_secret": secret}),
        Way("key of its own", lambda: _by_assertion("okta", of_key())),
        Way("workload identity", lambda: _by_assertion("wif", issuer.token(time.time()))),
    ]


def _by_assertion(client: str, assertion: str) -> dict[str, str]:
    return {
        "client_id": client,
        "client_assertion_type": _ASSERTION,
        "client_assertion": assertion,
    }


async def _asked(client: httpx.AsyncClient, way: Way) -> float:
    """Ask for a token; return the milliseconds until it was there."""
    form = {"grant_type": "client_credentials", **way.form()}
    began = time.perf_counter()
    answer = await client.post(PATH, data=form)
    took = (time.perf_counter() - began) * _MILLISECONDS
    answer.raise_for_status()
    return took


if __name__ == "__main__":
    app()
