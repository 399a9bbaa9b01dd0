"""The documents: the templates `cost.md.j2` and `scale.md.j2`, with every figure computed."""

import re
from math import ceil
from textwrap import fill
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from benchmarks.cost import bill, feed, operations, webhooks
from benchmarks.cost.parameters import FOLDER, Price
from benchmarks.cost.requests import Request
from benchmarks.cost.sharding import SLOTS, partition_of
from benchmarks.cost.workload import GB, Period, workload

SIZES: Final = (100, 10_000, 100_000)
SHOWN: Final = (10_000, Period.BUSY)
LARGEST: Final = SIZES[-1]
PARTITIONS: Final = 8
WIDTH: Final = 120
_PARAGRAPH: Final = re.compile(r"^(- |\d+\. |)(?![|#]).+(?:\n(?!- |\d+\. |[|#]).+)*", re.MULTILINE)


def documents(basis: bill.Basis) -> dict[str, str]:
    """Write every document, by its file name."""
    bills = [bill.bill(period, users, basis) for users in SIZES for period in Period]
    shown = next(each for each in bills if (each.users, each.period) == SHOWN)
    figures = {
        "prices": basis.prices,
        "measured": basis.measured,
        "assumed": basis.assumed,
        "bills": bills,
        "shown": shown,
        "storage_logs": [(each, bill.storage_log(each, basis)) for each in bills],
        "alerts": bill.alerts(basis),
        "always_ready": bill.always_ready(basis),
        "sweeper_alone": bill.sweeper(basis, granted=True),
        "sweeper": bill.sweeper(basis, granted=False),
        "sweeps_of_a_tenant": bill.sweeps_of_a_tenant(basis),
        "access_tokens": bill.access_tokens(basis),
        "readings": feed.readings(basis),
        "webhooks_idle": webhooks.idle(basis),
        "webhooks_sent": [
            webhooks.deliveries(1_000, basis),
            webhooks.deliveries(shown.work.changes, basis),
        ],
        "operations_of_a_hint": webhooks.OPERATIONS_OF_A_HINT,
        "silent_receiver": webhooks.silent_receiver(basis),
        "container": bill.container(basis),
        "database": bill.database(basis),
        "alternative": bill.alternative(basis),
        "initial": workload(Period.INITIAL, LARGEST, basis.assumed),
        "partitions": PARTITIONS,
    }
    names = ("cost.md", "scale.md")
    return {name: wrapped(_TEMPLATES.get_template(f"{name}.j2").render(figures)) for name in names}


def wrapped(markdown: str) -> str:
    """Wrap paragraphs and items once their figures stand in them, but no heading and no table."""

    def refill(found: re.Match[str]) -> str:
        hanging = " " * len(found[1])
        text = " ".join(found[0].split())
        return fill(
            text,
            WIDTH,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )

    return _PARAGRAPH.sub(refill, markdown)


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _figure(value: float, decimals: int = 0) -> str:
    return f"{value:,.{decimals}f}"


def _quantity(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:,.3g}"


def _usd(amount: float) -> str:
    return "< $0.01" if 0 < amount < 0.005 else f"${amount:,.2f}"


def _price(price: Price) -> str:
    whole, _, decimals = f"{price.usd:.7f}".rstrip("0").partition(".")
    return f"${whole}.{decimals:0<2} per {price.per}"


def _between(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"


_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.globals |= {
    "operations": operations,
    "partition_of": partition_of,
    "SLOTS": SLOTS,
    "requests": list(Request),
    "GB": GB,
    "row": _row,
    "ceil": ceil,
}
_TEMPLATES.filters |= {
    "n": _figure,
    "g": "{:g}".format,
    "code": "`{}`".format,
    "percent": lambda part: f"{part * 100:g} %",
    "usd": _usd,
    "price": _price,
    "price_of": "${:.5f}".format,
    "free": lambda price: f"{price.free:,}" if price.free else "",
    "span": lambda amount: _between(_usd(amount.least), _usd(amount.most)),
    "quantities": lambda each: _between(_quantity(each.least), _quantity(each.most)),
}
