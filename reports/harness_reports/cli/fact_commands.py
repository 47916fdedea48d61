"""`harness prices` and `harness explain`: where figures come from. Functions import heavy modules."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from harness_reports.cli.options import (
    BookOption,
    BudgetOption,
    FigureOption,
    FormatOption,
    MachineOption,
    OutputOption,
    PluginOption,
    PricingOption,
    StoreOption,
    by_machines,
    check_budget,
    day,
    form_of,
    owned_pricing,
    pairs,
    read_figures,
    read_pricing,
    write,
)

if TYPE_CHECKING:
    from harness.facts import PriceBook
    from harness_reports.figures.explained import Explained
    from harness_reports.measured.results import Results


class Explainable(StrEnum):
    """Tables whose figures can be explained."""

    ACCURACY = "accuracy"
    THROUGHPUT = "throughput"
    LOAD = "load"
    COST = "cost"
    CASCADE = "cascade"
    SERVING = "serving"
    VIABILITY = "viability"
    ALTERNATIVES = "alternatives"
    PRETRAINING = "pretraining"
    PORTFOLIO = "portfolio"
    SENSITIVITY = "sensitivity"


class TreeFormat(StrEnum):
    """Output formats of a figure's tree."""

    TEXT = "text"
    JSON = "json"


class FactKind(StrEnum):
    """Kinds of dated and sourced facts."""

    MACHINES = "machines"
    CHIPS = "chips"
    ELECTRICITY = "electricity"
    PUE = "pue"
    POWER = "power"
    GRID = "grid"
    HOSTED = "hosted"


def prices(
    kind: Annotated[
        FactKind, typer.Argument(help="Kind of facts; `hosted` needs --item provider/model.")
    ] = FactKind.MACHINES,
    *,
    item: Annotated[str | None, typer.Option(help="Only of this item: CPU, h100, USA, …")] = None,
    provider: Annotated[str | None, typer.Option(help="Only of this provider.")] = None,
    region: Annotated[str | None, typer.Option(help="Only in this region.")] = None,
    as_of: Annotated[str | None, typer.Option(help="As known on this day: 2025-12-31.")] = None,
    price_book: Annotated[
        list[str] | None,
        typer.Option(
            "--price-book", help="Only this price book, or this YAML file; repeatable. Else those of all plugins."
        ),
    ] = None,
    form: FormatOption = None,
    output: OutputOption = None,
    plugin: PluginOption = None,
) -> None:
    """Print prices or other facts with their dates and sources; of prices, also which ones the tables use."""
    from harness_reports.planning.fact_table import fact_table
    from harness_reports.prices.price_table import price_table
    from harness_reports.show.formats import SUFFIXES, WRITERS

    writer = WRITERS[form_of(form, output, SUFFIXES)]
    if kind == FactKind.MACHINES:
        frame = price_table(_books(price_book, plugin), item, provider, region, day(as_of))
        write(writer("prices", frame), output)
    else:
        _only_machines(kind, provider, region, price_book)
        write(writer(f"{kind.value} facts", fact_table(kind, item, day(as_of))), output)


def _only_machines(kind: FactKind, *filters: object) -> None:
    """Refuse filters that apply to machines alone.

    Raises:
        FactError: one of them is set.
    """
    from harness.errors import FactError

    if any(filters):
        raise FactError(
            f"--provider, --region and --price-book belong to machines; narrow {kind.value} down by --item."
        )


def _books(names: list[str] | None, plugin: list[str] | None) -> dict[str, PriceBook]:
    from harness.plugins import load_plugins
    from harness_reports.prices.price_book_file import find_price_book

    books = load_plugins(plugin or ()).price_books()
    return {name: find_price_book(name, books) for name in names} if names else books


def explain(
    name: Annotated[Explainable, typer.Argument(help="The figure's table.")],
    *,
    column: Annotated[
        str | None, typer.Option(help="The figure's column, such as train_usd; else every figure.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="The row's task.")] = None,
    model: Annotated[str | None, typer.Option(help="The row's model.")] = None,
    use_case: Annotated[str | None, typer.Option(help="The row's use case, for tables of use cases.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of the row, such as runtime=eager; repeatable.")
    ] = None,
    budget_usd: BudgetOption = None,
    form: Annotated[
        TreeFormat | None,
        typer.Option("--format", help="Output format; else by the suffix of -o, else text.", show_default=False),
    ] = None,
    output: OutputOption = None,
    store: StoreOption = None,
    price_book: BookOption = None,
    pricing: PricingOption = None,
    machine: MachineOption = None,
    figure: FigureOption = None,
    plugin: PluginOption = None,
) -> None:
    """Explain a figure of a table: its formula, its inputs, and the records and prices that it comes from."""
    import json

    from harness.plugins import load_plugins
    from harness_reports.explain.tables import Assumed, find, rows
    from harness_reports.figures.explained import as_data, text
    from harness_reports.measured.store import made_of, read_store

    check_budget(name, budget_usd)
    kind = form_of(form, output, {".txt": "text", ".json": "json"})
    plugins, chosen, owned, assumed = load_plugins(plugin or ()), None, None, None
    records = read_store(store, plugins)
    if name not in (Explainable.ACCURACY, Explainable.THROUGHPUT, Explainable.LOAD):
        chosen = read_pricing(price_book, plugins, pricing)
        owned = owned_pricing(price_book, plugins, pricing)
    chosen, owned = by_machines([chosen, owned], machine, records)
    if chosen is not None:
        assumed = Assumed(plugins.use_cases(), read_figures(figure), owned, budget_usd)
    cells = {"task": None if task is None else plugins.current_task(task), "model": model, "use_case": use_case}
    conditions = {key: value for key, value in cells.items() if value is not None}
    wanted = conditions | pairs("--where", where)

    def explained(read: Results) -> tuple[str, list[Explained]]:
        row = find(rows(name.value, read, chosen, assumed), wanted)
        return row.title, [row.explain(column)] if column else list(row.figures().values())

    title, figures = made_of(records, explained)
    if kind == TreeFormat.JSON:
        body = {"table": name.value, "row": title, "figures": [as_data(figure) for figure in figures]}
        write(json.dumps(body, indent=2, ensure_ascii=False) + "\n", output)
    else:
        write("\n".join([f"{name.value}: {title}\n", *map(text, figures)]), output)
