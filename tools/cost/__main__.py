"""`python -m tools.cost`: writes docs/cost.md and docs/scale.md."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from tools.cost import cost_document, scale_document
from tools.cost.assumptions import Assumptions
from tools.cost.bill import Basis
from tools.cost.measured import Measured
from tools.cost.parameters import ParametersError
from tools.cost.prices import Prices

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


def documents() -> dict[Path, str]:
    """Compute every document from its sources.

    Raises:
        ParametersError: prices or assumptions cannot be used.
    """
    basis = Basis(Prices.read(), Measured.read(), Assumptions.read())
    return {
        DOCS / "cost.md": cost_document.render(basis),
        DOCS / "scale.md": scale_document.render(basis.measured, basis.assumed),
    }


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

    Prices are in tools/cost/prices.toml, assumptions in tools/cost/assumptions.toml; both are
    yours to replace.

    Exit status: 0 the documents are written; 2 prices or assumptions cannot be used.
    """
    try:
        if measures:
            from tools.cost.measure import measure  # noqa: PLC0415 - needs the service and Azurite

            asyncio.run(measure(rounds)).write()
        written = documents()
    except ParametersError as error:
        Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    for file, text in written.items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    app()
