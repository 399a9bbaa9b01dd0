"""`python -m benchmarks.cost`: writes docs/cost.md and docs/scale.md."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from benchmarks.cost.bill import Basis
from benchmarks.cost.documents import documents
from benchmarks.cost.parameters import Assumptions, Measured, ParametersError, Prices
from tools.command_line import App

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"

app = App()


@app.command()
def main(
    measures: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="First measure CPU and sizes, against Azurite, and keep them in measured.toml.",
        ),
    ] = False,
    rounds: Annotated[
        int, typer.Option(min=20, help="How often each request is sent when measuring.")
    ] = 300,
) -> None:
    """Write docs/cost.md and docs/scale.md from counted calls, measured CPU and prices.

    Prices are in benchmarks/cost/prices.toml, assumptions in benchmarks/cost/assumptions.toml;
    both are yours to replace.

    Exit status: 0 the documents are written; 2 prices or assumptions cannot be used.
    """
    if measures:
        from benchmarks.cost.measure import measure  # noqa: PLC0415 - needs the service

        asyncio.run(measure(rounds)).write()
    try:
        basis = Basis(Prices.read(), Measured.read(), Assumptions.read())
    except ParametersError as error:
        Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    for name, text in documents(basis).items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    app.run("python -m benchmarks.cost")
