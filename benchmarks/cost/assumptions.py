"""Assumptions as parameters: `assumptions.toml`, where each of them has its reason."""

from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

from benchmarks.cost import parameters

FILE: Final = Path(__file__).with_name("assumptions.toml")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Directory(_Part):
    """How users and groups belong together."""

    groups_of_a_user: PositiveInt
    users_of_a_group: PositiveInt


class Busy(_Part):
    """What happens in a busy month, as parts of the number of users."""

    joined: PositiveFloat
    disabled: PositiveFloat
    deleted: PositiveFloat
    changed: PositiveFloat
    managed: PositiveFloat
    members_added: PositiveFloat
    members_removed: PositiveFloat


class LogRowBytes(_Part):
    """Sizes of rows in the workspace."""

    request: PositiveInt
    trace: PositiveInt
    storage_call: PositiveInt
    vault_operation: PositiveInt


class Container(_Part):
    """The container and the database that the service is compared with."""

    vcpu: PositiveFloat
    gib: PositiveFloat
    postgresql_gib: PositiveInt


class Limits(_Part):
    """Targets of Azure."""

    partition_entities_per_second: PositiveInt
    account_requests_per_second: PositiveInt
    vault_operations_in_10_seconds: PositiveInt
    secrets_of_a_page: PositiveInt


class Assumptions(_Part):
    """All of them."""

    hours_in_month: PositiveInt
    cycle_minutes: PositiveInt
    provider_requests_per_second: PositiveInt
    instance_gb: PositiveFloat
    instances: PositiveInt
    least_billed_seconds: PositiveFloat
    alert_rules_5_minutes: PositiveInt
    alert_rules_15_minutes: PositiveInt
    vault_operations: PositiveInt
    directory: Directory
    busy: Busy
    log_row_bytes: LogRowBytes
    container: Container
    limits: Limits

    @classmethod
    def read(cls, file: Path = FILE) -> Self:
        """Read a file of assumptions.

        Raises:
            ParametersError: one is missing, unknown or cannot be.
        """
        return parameters.read(cls, file)

    @property
    def cycles_in_month(self) -> int:
        """How often the identity provider begins a cycle."""
        return self.hours_in_month * 60 // self.cycle_minutes
