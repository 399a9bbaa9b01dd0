"""docs/cost.md and docs/scale.md say what their sources give, and the arithmetic is right."""

from __future__ import annotations

import re
import subprocess
import sys
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from background.timers import SWEEPER
from benchmarks.cost import __main__ as command
from benchmarks.cost.bill import (
    Basis,
    Bill,
    alerts,
    always_ready,
    bill,
    container,
    database,
    storage_log,
    sweeper,
    sweeps_of_a_tenant,
)
from benchmarks.cost.documents import SIZES, documents
from benchmarks.cost.feed import readings
from benchmarks.cost.operations import Cost
from benchmarks.cost.parameters import Assumptions, Measured, Price, Prices
from benchmarks.cost.requests import Request
from benchmarks.cost.webhooks import deliveries, idle, silent_receiver
from benchmarks.cost.workload import Period, stored_gb, workload
from local import host_json
from shared.web.long_polls import MOST_WAITING
from shared.webhooks.sender import ATTEMPT_SECONDS
from shared.webhooks.work import BATCH
from vendor_api import events

ROOT = Path(__file__).parents[3]
BASIS = Basis(Prices.read(), Measured.read(), Assumptions.read())
ASSUMED = BASIS.assumed


def replaced(file: Path, old: str, new: str, into: Path) -> Path:
    """Write a copy of a file of parameters with another value."""
    text = file.read_text("utf-8")
    assert old in text
    copy = into / file.name
    copy.write_text(text.replace(old, new, 1), "utf-8")
    return copy


@pytest.mark.parametrize(("name", "text"), documents(BASIS).items())
def test_the_documents_are_up_to_date(name: str, text: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == text, "python -m benchmarks.cost"


def test_a_document_is_written_when_a_price_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dearer = replaced(Prices.FILE, "usd = 2.30", "usd = 9.30", tmp_path)
    monkeypatch.setattr(Prices, "read", lambda read=Prices.read: read(dearer))
    monkeypatch.setattr(command, "DOCS", tmp_path)
    assert CliRunner().invoke(command.app).exit_code == 0
    text = (tmp_path / "cost.md").read_text("utf-8")
    assert "$9.30 per GB" in text
    assert text != (ROOT / "docs" / "cost.md").read_text("utf-8")
    assert (tmp_path / "scale.md").read_text("utf-8").startswith("# How far it scales")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("usd = 2.30", "usd = -1", "log_gb"),
        ("[log_gb]", "[log_gigabytes]", "log_gigabytes"),
        ('per = "GB"', "", "log_gb.per"),
        ("as_of", "as of", "at line 13"),
    ],
)
def test_wrong_prices_are_one_clear_error_and_nothing_is_written(
    old: str, new: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replaced(Prices.FILE, old, new, tmp_path)
    monkeypatch.setattr(Prices, "read", lambda read=Prices.read: read(wrong))
    monkeypatch.setattr(command, "DOCS", tmp_path)
    ended = CliRunner().invoke(command.app)
    assert (ended.exit_code, ended.output.count("\n")) == (2, 1)
    assert ended.output.startswith("error: prices.toml: ")
    assert said in ended.output
    assert not (tmp_path / "cost.md").exists()


def test_a_price_takes_the_grant_off_once_and_never_pays_back() -> None:
    price = Price(usd=0.4, per="million", what="x", service="x", source="x", unit=10, free=20)
    assert price.of(30) == pytest.approx(1.2)
    assert price.of(30, granted=True) == pytest.approx(0.4)
    assert price.of(10, granted=True) == 0


def test_transactions_by_entity_count_reads_and_entities() -> None:
    assert Cost(2, 6).per_entity == 1 + 6
    assert Cost(3).per_entity == 3


def test_an_initial_cycle_asks_for_every_user_group_and_membership() -> None:
    work = workload(Period.INITIAL, 1_000, ASSUMED)
    assert work.requests[Request.CREATE_USER] == 1_000
    assert work.requests[Request.CREATE_GROUP] == 1_000 // 20
    assert work.requests[Request.ADD_MEMBER] == 1_000 * 5
    assert work.total == 2 + 4 * 1_000 + 2 * 50 + 2 * 5_000
    assert work.calls == 2 + 1_000 * (1 + 2 + 1 + 2) + 50 * (1 + 2) + 5_000 * (2 + 2)
    assert work.entities == 1_000 * (6 + 2) + 50 * 5 + 5_000 * 4


def test_an_idle_month_is_two_probes_a_cycle() -> None:
    work = workload(Period.IDLE, 100_000, ASSUMED)
    assert (work.total, work.calls, work.changes) == (2 * 1_095, 2 * 1_095, 0)


def test_a_busy_month_is_an_idle_one_and_its_changes() -> None:
    idle, busy = (workload(p, 1_000, ASSUMED).requests for p in (Period.IDLE, Period.BUSY))
    assert {kind: busy[kind] - idle[kind] for kind in Request if busy[kind] != idle[kind]} == {
        Request.MATCH_USER: 30,
        Request.CREATE_USER: 30,
        Request.CHECK_MANAGER: 50,
        Request.FIND_USER: 280,
        Request.UPDATE_USER: 280,
        Request.FIND_GROUP: 200,
        Request.CHECK_MEMBER: 200,
        Request.ADD_MEMBER: 100,
        Request.REMOVE_MEMBER: 100,
        Request.DELETE_USER: 30,
    }


def line(of: Bill, what: str) -> Any:
    return next(each for each in of.lines if what in each.price.what)


def test_a_bill_is_quantities_by_prices() -> None:
    of = bill(Period.IDLE, 10_000, BASIS)
    time = line(of, "execution time")
    assert time.quantity.most == 2_190 * 1.0 * 2
    assert time.quantity.least == pytest.approx(of.work.cpu_seconds(BASIS.measured) * 2)
    assert time.amount(granted=False).most == pytest.approx(4_380 * 0.000026)
    assert time.amount(granted=True).most == 0
    assert line(of, "Key Vault").amount(granted=False).most == pytest.approx(2_190 * 4 * 3e-6)
    # Each comes alone: a call of its own, one for the settings of the tenant, four to the vault.
    log = 1_100 + 3 * 800 + BASIS.measured.log_line_bytes + 2 * 1_000 + 4 * 1_200
    swept = (3 * 730 * 4 + 2 * 30) * 1_000
    assert line(of, "Log Analytics").quantity.most == pytest.approx((2_190 * log + swept) / 1e9)
    assert of.total(granted=False).most == pytest.approx(
        sum(each.amount(granted=False).most for each in of.lines)
    )


@pytest.mark.parametrize("users", SIZES)
@pytest.mark.parametrize("period", Period)
def test_the_least_is_not_above_the_most(users: int, period: Period) -> None:
    of = bill(period, users, BASIS)
    for granted in (True, False):
        assert 0 < of.total(granted=granted).least <= of.total(granted=granted).most
    assert of.total(granted=True).most <= of.total(granted=False).most


def test_the_alternative_and_what_is_fixed() -> None:
    seconds = 730 * 3600
    memory = (seconds * 0.5 - 360_000) * 0.000003
    assert container(BASIS).most == pytest.approx((seconds * 0.25 - 180_000) * 0.000024 + memory)
    assert container(BASIS).least == pytest.approx((seconds * 0.25 - 180_000) * 0.000003 + memory)
    assert database(BASIS) == pytest.approx(730 * 0.017 + 32 * 0.115)
    assert alerts(BASIS) == pytest.approx(7 * 1.5 + 3 * 0.5)
    assert always_ready(BASIS) == pytest.approx(seconds * 2 * 0.000004)


def test_what_is_stored_grows_with_users_and_changes() -> None:
    size = BASIS.measured.row_bytes
    user = sum(size[kind] for kind in ("u", "un", "ux", "ue")) + 5 * size["m"]
    group = sum(size[kind] for kind in ("g", "gn", "gx"))
    held = stored_gb(20, 3, BASIS.measured, ASSUMED) * 1e9
    assert held == pytest.approx(20 * user + group + 3 * size["l"])


def test_every_request_is_measured_and_writes_by_one_transaction() -> None:
    assert set(BASIS.measured.cpu_microseconds) == set(Request)
    assert max(kind.cost.entities for kind in Request) <= 100
    assert min(BASIS.measured.cpu_microseconds.values()) > 0


def test_what_is_measured_is_read_as_it_was_written(tmp_path: Path) -> None:
    BASIS.measured.write(tmp_path / "measured.toml")
    assert Measured.read(tmp_path / "measured.toml") == BASIS.measured


@pytest.mark.parametrize("period", Period)
def test_the_log_of_storage_calls_costs_its_rows(period: Period) -> None:
    shown = bill(period, 10_000, BASIS)
    (transactions,) = (line for line in shown.lines if line.price.what.endswith("transactions"))
    rows = transactions.quantity
    logs = storage_log(shown, BASIS)
    assert logs["all"].most == pytest.approx(rows.most * 1_000 / 1e9 * 2.30)
    assert logs["all"].least == pytest.approx(rows.least * 1_000 / 1e9 * 2.30)
    assert logs["none"].most == 0


def test_without_reads_the_rows_of_changes_are_left() -> None:
    logs = storage_log(bill(Period.INITIAL, 10_000, BASIS), BASIS)
    work = workload(Period.INITIAL, 10_000, ASSUMED)
    assert work.reads + work.entities == work.per_entity
    assert logs["changes"].least == pytest.approx(work.changes * 1_000 / 1e9 * 2.30)
    assert logs["changes"].most == pytest.approx(work.entities * 1_000 / 1e9 * 2.30)


def test_the_assumptions_are_what_is_deployed() -> None:
    main = (ROOT / "infra" / "main.bicep").read_text("utf-8")
    alerts = (ROOT / "infra" / "modules" / "alerts.bicep").read_text("utf-8")
    every = re.findall(r"every: '(\w+)'", alerts)
    every.remove("PT1H")  # that on the daily cap, which is off without one
    assert "enabled: isLogCapped" in alerts
    assert "param logDailyCapGB int = 0\n" in main
    assert "param storageLogs string = 'all'\n" in main
    assert f"param instanceMemoryMB int = {int(ASSUMED.instance_gb * 1024)}\n" in main
    assert f"param maximumInstanceCount int = {ASSUMED.instances}\n" in main
    assert every.count("PT5M") == ASSUMED.alert_rules_5_minutes
    rarely = every.count("PT15M") + every.count("PT6H")
    assert rarely == ASSUMED.alert_rules_15_minutes == len(every) - every.count("PT5M")
    prod = (ROOT / "infra" / "prod.bicepparam").read_text("utf-8")
    assert "param alwaysReadyInstances = 1\n" in prod


def test_the_sweeper_runs_as_often_as_the_document_counts() -> None:
    minutes = SWEEPER.schedule.split()[1].split(",")
    assert len(minutes) * ASSUMED.sweeper_minutes == 60


def test_the_sweeper_costs_its_runs_a_list_of_secrets_each_and_their_rows_in_the_log() -> None:
    runs = 730 * 4
    second = runs * 2 * 0.000026
    others = runs * (0.4e-6 + 3e-6 + (1_100 + 2 * 800 + 1_200) * 2.3e-9)
    shared = sweeper(BASIS, granted=False)
    assert shared.least == pytest.approx(second + others)
    assert shared.most == pytest.approx(2 * second + others)
    assert shared.most < 0.5, "almost nothing"
    alone = sweeper(BASIS, granted=True)
    assert alone.least == alone.most == pytest.approx(runs * 3e-6)


def test_a_tenant_with_nothing_to_do_costs_three_calls_a_run_and_two_a_day() -> None:
    calls = 3 * 730 * 4 + 2 * 30
    priced = calls * (0.00036 / 10_000 + 1_000 * 2.3e-9)
    assert sweeps_of_a_tenant(BASIS) == pytest.approx(priced)
    assert line(bill(Period.INITIAL, 100, BASIS), "transactions").quantity.least == (
        bill(Period.INITIAL, 100, BASIS).work.calls + bill(Period.INITIAL, 100, BASIS).work.total
    ), "and a reading of the settings in each minute, of which there are not more than requests"


def test_in_a_busy_month_as_many_changes_expire_as_are_made() -> None:
    of = bill(Period.BUSY, 10_000, BASIS)
    swept = line(of, "transactions").quantity
    looks, changes = 3 * 730 * 4 + 2 * 30, of.work.changes
    pages, transactions = ceil(changes / 1_000), ceil(changes / 100)
    settings = of.work.total  # fewer than there are minutes
    assert swept.least == of.work.calls + looks + pages - 1 + transactions + settings
    assert swept.most == of.work.per_entity + looks + changes + settings


def test_the_parameters_name_a_public_source() -> None:
    for price in BASIS.prices.all():
        assert price.source.startswith("https://azure.microsoft.com/pricing/")
        assert price.read_at.startswith("https://") or not price.read_at
    text = Assumptions.FILE.read_text("utf-8")
    assert text.count("https://learn.microsoft.com/") >= 5


def test_the_service_costs_what_the_documents_count() -> None:
    # In a process of its own, because it becomes the service and takes other settings.
    script = (
        "import asyncio; from benchmarks.cost.measure import measure; "
        "print(asyncio.run(measure(1)).rounds)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.stdout, ended.returncode) == ("1\n", 0), ended.stderr


def test_the_feed_is_assumed_to_be_read_as_the_service_serves_it() -> None:
    assert ASSUMED.wait_seconds == events.LONGEST_WAIT
    assert ASSUMED.look_seconds == events.PAUSE_SECONDS
    assert ASSUMED.waits_at_once == MOST_WAITING


def test_a_feed_that_is_asked_every_minute_is_billed_for_each_request() -> None:
    polling, _ = readings(BASIS)
    minutes = ASSUMED.hours_in_month * 60
    assert polling.requests == polling.calls == minutes
    time = polling.lines[0].amount(granted=False).most
    assert time == pytest.approx(minutes * ASSUMED.instance_gb * 0.000026)


def test_a_feed_that_is_always_waited_for_keeps_an_instance_awake_all_month() -> None:
    polling, waiting = readings(BASIS)
    assert waiting.calls == ASSUMED.seconds_in_month + waiting.requests
    time = waiting.lines[0].amount(granted=False)
    assert time.most == pytest.approx(ASSUMED.seconds_in_month * ASSUMED.instance_gb * 0.000026)
    assert time.least == pytest.approx(time.most / 10)
    assert waiting.total(granted=True).most > 30 * polling.total(granted=True).most


def test_queues_are_assumed_to_be_asked_as_host_json_says() -> None:
    queues = host_json.read(ROOT / "host.json").queues
    assert queues.max_polling_interval == ASSUMED.queue_poll_seconds
    assert queues.batch_size == ASSUMED.queue_batch
    assert queues.batch_size + queues.new_batch_threshold == ASSUMED.queue_at_once


def test_a_run_is_assumed_to_send_as_many_events_as_the_dispatcher_does() -> None:
    assert ASSUMED.events_of_a_run == BATCH
    assert ASSUMED.longest_answer_seconds == ATTEMPT_SECONDS


def test_idle_webhooks_cost_the_runs_of_their_timer_and_the_polls_of_their_queue() -> None:
    runs, month = 730 * 12, 730 * 3_600
    nothing = idle(BASIS)
    seconds = runs * 2 * 0.000026
    logged = runs * (1_100 + 2 * 800 + 1_200 + 3 * 1_000) * 2.3e-9
    others = runs * (0.4e-6 + 3e-6 + 3 * 0.036e-6 + 0.4e-6) + logged
    shared = nothing.total(granted=False)
    assert shared.least == pytest.approx(seconds + others)
    assert shared.most == pytest.approx(2 * seconds + others + month / 1.25 * 0.4e-6)


def test_idle_webhooks_and_the_sweeper_cost_less_than_a_dollar_a_month() -> None:
    """Alone: the grants pay for the runs of both; where nothing is free, the least is less."""
    time = idle(BASIS).lines[0].quantity.most
    sweeps = ASSUMED.sweeps_in_month * ASSUMED.sweeper_most_seconds * ASSUMED.instance_gb
    assert time + sweeps < BASIS.prices.on_demand_gb_second.free
    alone = idle(BASIS).total(granted=True) + sweeper(BASIS, granted=True)
    assert alone.most < 1
    assert idle(BASIS).total(granted=False).least < 1


def test_events_that_come_alone_are_billed_for_a_second_each() -> None:
    sent = deliveries(1_000, BASIS)
    assert (sent.use.runs.least, sent.use.runs.most) == (ceil(1_000 / 32), 1_000)
    assert (sent.use.queue.least, sent.use.queue.most) == (32 * 3, 3_000)
    assert (sent.use.calls.least, sent.use.calls.most) == (32 * 8, 1_000 * (7 + 3))
    assert sent.lines[0].amount(granted=False).most == pytest.approx(1_000 * 2 * 0.000026)
    assert sent.total(granted=False).least < sent.total(granted=False).most
    assert silent_receiver(BASIS) == pytest.approx(15 * 2 * 0.000026)
