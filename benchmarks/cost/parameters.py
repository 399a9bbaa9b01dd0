"""The parameters of the documents: prices, assumptions and measured figures, each a TOML file."""

import datetime
import json
import tomllib
from pathlib import Path
from typing import ClassVar, Self

from pydantic import (
    BaseModel,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)

from benchmarks.cost.requests import Request

FOLDER = Path(__file__).parent


class ParametersError(Exception):
    """A file of parameters cannot be used; the text says which value, and why."""


class _Part(BaseModel, extra="forbid", frozen=True):
    pass


class _File(_Part):
    FILE: ClassVar[Path]

    @classmethod
    def read(cls, file: Path | None = None) -> Self:
        """Read a file, by default the one beside this module.

        Raises:
            ParametersError: it is no TOML, or a value is missing, unknown or cannot be.
        """
        file = file or cls.FILE
        try:
            return cls.model_validate(tomllib.loads(file.read_text("utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise ParametersError(f"{file.name}: {error}") from error
        except ValidationError as error:
            wrong = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise ParametersError(f"{file.name}: {'; '.join(wrong)}") from error


class Price(_Part):
    """The price of one meter.

    Attributes:
        usd: Of `unit` of it.
        per: What that is called.
        what: The meter.
        service: Its `serviceName` in the Retail Prices API.
        source: The page that decides.
        unit: How many are sold at once.
        free: How many a subscription (a workspace, for logs) gets for nothing in a month.
        read_at: Another public page that states the figure; "" without one.
    """

    usd: NonNegativeFloat
    per: str
    what: str
    service: str
    source: str
    unit: PositiveInt = 1
    free: int = 0
    read_at: str = ""

    def of(self, quantity: float, *, granted: bool = False) -> float:
        """Price a quantity of the meter, in USD; `granted` takes off what is free."""
        return max(0.0, quantity - (self.free if granted else 0)) / self.unit * self.usd


class Prices(_File):
    """Every price that the documents need."""

    FILE = FOLDER / "prices.toml"

    as_of: datetime.date
    region: str
    on_demand_gb_second: Price
    on_demand_execution: Price
    always_ready_gb_second: Price
    table_transaction: Price
    table_gb_month: Price
    queue_operation: Price
    vault_operation: Price
    log_gb: Price
    alert_rule_5_minutes: Price
    alert_rule_15_minutes: Price
    container_active_vcpu_second: Price
    container_idle_vcpu_second: Price
    container_gib_second: Price
    postgresql_hour: Price
    postgresql_gib_month: Price

    def all(self) -> list[Price]:
        """Return every price, in the order of the file."""
        return [value for _, value in self if isinstance(value, Price)]


class Assumptions(_File):
    """What the documents assume; the file has the reason of each."""

    FILE = FOLDER / "assumptions.toml"

    hours_in_month: PositiveInt
    cycle_minutes: PositiveInt
    provider_requests_per_second: PositiveInt
    instance_gb: PositiveFloat
    instances: PositiveInt
    least_billed_seconds: PositiveFloat
    sweeper_minutes: PositiveInt
    sweeper_least_seconds: PositiveFloat
    sweeper_most_seconds: PositiveFloat
    alert_rules_5_minutes: PositiveInt
    alert_rules_15_minutes: PositiveInt
    vault_operations: PositiveInt
    poll_seconds: PositiveInt
    wait_seconds: PositiveInt
    look_seconds: PositiveInt
    waits_at_once: PositiveInt
    webhook_timer_minutes: PositiveInt
    webhook_timer_least_seconds: PositiveFloat
    webhook_timer_most_seconds: PositiveFloat
    queue_poll_seconds: PositiveFloat
    queue_batch: PositiveInt
    queue_at_once: PositiveInt
    events_of_a_run: PositiveInt
    longest_answer_seconds: PositiveInt
    groups_of_a_user: PositiveInt
    users_of_a_group: PositiveInt
    joined: PositiveFloat
    disabled: PositiveFloat
    deleted: PositiveFloat
    changed: PositiveFloat
    managed: PositiveFloat
    members_added: PositiveFloat
    members_removed: PositiveFloat
    log_request_bytes: PositiveInt
    log_trace_bytes: PositiveInt
    log_storage_call_bytes: PositiveInt
    log_vault_operation_bytes: PositiveInt
    container_vcpu: PositiveFloat
    container_gib: PositiveFloat
    postgresql_gib: PositiveInt
    partition_entities_per_second: PositiveInt
    account_requests_per_second: PositiveInt
    vault_operations_in_10_seconds: PositiveInt
    secrets_of_a_page: PositiveInt

    @property
    def seconds_in_month(self) -> int:
        """A month as Azure bills it."""
        return self.hours_in_month * 3600

    @property
    def cycles_in_month(self) -> int:
        """How often the identity provider begins a cycle."""
        return self.hours_in_month * 60 // self.cycle_minutes

    @property
    def sweeps_in_month(self) -> int:
        """How often the sweeper runs."""
        return self.hours_in_month * 60 // self.sweeper_minutes

    @property
    def webhook_timers_in_month(self) -> int:
        """How often the timer of webhooks runs."""
        return self.hours_in_month * 60 // self.webhook_timer_minutes


class Measured(_File):
    """Figures of the service, as `--measure` has written them.

    Attributes:
        machine: What they were measured on.
        rounds: How often each request was sent.
        log_line_bytes: Mean length of the service's line in the log.
        cpu_microseconds: Median CPU of the process by request, from the call of the function to
            its return; Azurite's own is not in it.
        row_bytes: Mean size of a row by kind (`u`, `un`, `m`, `l` ...), as Table Storage bills it.
    """

    FILE = FOLDER / "measured.toml"

    machine: str
    rounds: int
    log_line_bytes: int
    cpu_microseconds: dict[Request, int]
    row_bytes: dict[str, int]

    def write(self, file: Path = FILE) -> None:
        """Keep the figures for the documents."""
        lines = ["# Written by `python -m benchmarks.cost --measure`."]
        for name, value in self.model_dump(mode="json").items():
            if isinstance(value, dict):
                lines += ["", f"[{name}]", *(f'"{key}" = {each}' for key, each in value.items())]
            else:
                lines.append(f"{name} = {json.dumps(value)}")
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
