"""Prices as parameters: `prices.toml`."""

import datetime
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveInt

from benchmarks.cost import parameters

FILE: Final = Path(__file__).with_name("prices.toml")


class Price(BaseModel):
    """The price of one meter.

    Attributes:
        usd: of `unit` of it.
        per: what that is called.
        what: the meter.
        service: its `serviceName` in the Retail Prices API.
        source: the page that decides.
        unit: how many are sold at once.
        free: how many a subscription (a workspace, for logs) gets for nothing in a month.
        read_at: another public page that states the figure; "" without one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd: NonNegativeFloat
    per: str
    what: str
    service: str
    source: str
    unit: PositiveInt = 1
    free: int = 0
    read_at: str = ""

    def of(self, quantity: float, *, granted: bool = False) -> float:
        """Price a quantity, in USD.

        Args:
            quantity: of the meter.
            granted: take what is free off.
        """
        return max(0.0, quantity - (self.free if granted else 0)) / self.unit * self.usd


class Prices(BaseModel):
    """Every price that the documents need; the names are those of the tables in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: datetime.date
    region: str
    on_demand_gb_second: Price
    on_demand_execution: Price
    always_ready_gb_second: Price
    table_transaction: Price
    table_gb_month: Price
    vault_operation: Price
    log_gb: Price
    alert_rule_5_minutes: Price
    alert_rule_15_minutes: Price
    container_active_vcpu_second: Price
    container_idle_vcpu_second: Price
    container_gib_second: Price
    postgresql_hour: Price
    postgresql_gib_month: Price

    @classmethod
    def read(cls, file: Path = FILE) -> Self:
        """Read a file of prices.

        Raises:
            ParametersError: one is missing, unknown or cannot be.
        """
        return parameters.read(cls, file)

    def all(self) -> list[Price]:
        """Return every price, in the order of the file."""
        return [value for _, value in self if isinstance(value, Price)]
