"""`harness table`, `report`, `plan` and `published`. Functions import heavy modules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from harness_reports.cli.options import (
    BookOption,
    BudgetOption,
    FigureOption,
    FormatName,
    FormatOption,
    LanguageName,
    LanguageOption,
    MachineOption,
    OutputOption,
    PluginOption,
    PricingOption,
    StoreOption,
    by_machines,
    check_budget,
    check_measured,
    form_of,
    owned_pricing,
    read_figures,
    read_pricing,
    write,
)

if TYPE_CHECKING:
    import pandas as pd

    from harness.facts import Price
    from harness.plugins import Plugins
    from harness.records import Record
    from harness_reports.measured.results import Results
    from harness_reports.prices.chips import Accelerator


class TableName(StrEnum):
    """All tables made of records."""

    ACCURACY = "accuracy"
    THROUGHPUT = "throughput"
    LOAD = "load"
    COST = "cost"
    JUDGES = "judges"
    FRONTIER = "frontier"
    CASCADE = "cascade"
    SERVING = "serving"
    VIABILITY = "viability"
    SENSITIVITY = "sensitivity"
    ALTERNATIVES = "alternatives"
    PRETRAINING = "pretraining"
    PORTFOLIO = "portfolio"


_JUDGED = (TableName.SERVING, TableName.VIABILITY, TableName.SENSITIVITY, TableName.ALTERNATIVES, TableName.PORTFOLIO)
"""Tables of use cases."""


def table(
    name: Annotated[TableName, typer.Argument(help="The table.")],
    *,
    form: FormatOption = None,
    output: OutputOption = None,
    store: StoreOption = None,
    price_book: BookOption = None,
    pricing: PricingOption = None,
    machine: MachineOption = None,
    figure: FigureOption = None,
    plugin: PluginOption = None,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="For `accuracy` and `frontier`: this metric instead of the deciding one; "
            "`all` (`accuracy` only): every metric."
        ),
    ] = None,
    budget_usd: BudgetOption = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="For `cascade`: the confidence below which requests are passed on; else it is chosen."),
    ] = None,
    lang: LanguageOption = LanguageName.ENGLISH,
) -> None:
    """Print a table of the store's records."""
    from harness.errors import FactError
    from harness_reports.reasons import speaking
    from harness_reports.show.formats import SUFFIXES, WRITERS

    kind = form_of(form, output, SUFFIXES)
    if kind == "parquet" and output is None and sys.stdout.isatty():
        raise FactError("Parquet is not text, so it cannot go to a terminal. Name a file with -o.")
    wish = _Wish(name, metric, task, budget_usd, price_book, pricing, read_figures(figure), machine, threshold)
    with speaking(lang):
        written = WRITERS[kind](name, _frame(wish, store, plugin))
    write(written, output)


def report(
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")] = Path("report.html"),
    store: StoreOption = None,
    price_book: BookOption = None,
    pricing: PricingOption = None,
    machine: MachineOption = None,
    plugin: PluginOption = None,
    lang: LanguageOption = LanguageName.ENGLISH,
) -> None:
    """Write a self-contained report in one HTML file that works offline."""
    from harness.plugins import load_plugins
    from harness_reports.measured.store import made_of, read_store
    from harness_reports.reasons import speaking
    from harness_reports.show.report import html

    form_of(None, output, {".html": "html", ".htm": "html"})
    plugins = load_plugins(plugin or ())
    chosen = read_pricing(price_book, plugins, pricing)
    records = read_store(store, plugins)
    check_measured(plugin, records, plugins)
    (by_hour,) = by_machines([chosen], machine, records)
    with speaking(lang):
        page = made_of(records, lambda read: html(read, by_hour or chosen, plugins.use_cases()))
    write(page, output)
    typer.echo(f"Wrote {output}.")


def plan(
    *,
    params: Annotated[float, typer.Option(help="Parameters active per token: 7e9.")],
    tokens: Annotated[float, typer.Option(help="Tokens of training: 2e12.")],
    hardware: Annotated[str, typer.Option(help="An accelerator: h100, a100, …")],
    devices: Annotated[int, typer.Option(help="Number of accelerators.")] = 64,
    mfu: Annotated[float | None, typer.Option(help="A measured model FLOPs utilisation, 0 to 1.")] = None,
    precision: Annotated[str, typer.Option(help="Number format: fp16 (bf16 too), fp8, tf32, fp32, …")] = "fp16",
    layers: Annotated[
        float, typer.Option(help="Layers; with the next two options, attention's operations count.")
    ] = 0.0,
    width: Annotated[float, typer.Option(help="Width of attention: number of heads times the width of a head.")] = 0.0,
    sequence_length: Annotated[float, typer.Option(help="Tokens in a sequence.")] = 0.0,
    encoder_decoder: Annotated[
        bool,
        typer.Option("--encoder-decoder", help="An encoder-decoder: each token passes through half of the parameters."),
    ] = False,
    total_params: Annotated[float | None, typer.Option(help="Parameters in memory, of a mixture of experts.")] = None,
    store: Annotated[
        str | None,
        typer.Option(help="A store: measured sizes of a model predict quality, and trainings give the utilisation."),
    ] = None,
    lifetime_tokens: Annotated[
        float, typer.Option(help="Tokens read and written while the model is in service.")
    ] = 0.0,
    usd_per_hour: Annotated[
        float | None, typer.Option(help="Price of one device per hour; else from the price book.")
    ] = None,
    multiplier: Annotated[float, typer.Option(help="Hours of the project over those of the final run: 1.5 to 3.")] = 1,
    form: Annotated[
        FormatName | None,
        typer.Option(
            "--format",
            help="Output format, else by the suffix of -o, else text; csv and parquet hold the scenarios alone.",
            show_default=False,
        ),
    ] = None,
    output: OutputOption = None,
    price_book: BookOption = None,
    plugin: PluginOption = None,
    lang: LanguageOption = LanguageName.ENGLISH,
) -> None:
    """Plan a training run at scale: operations, time, energy, carbon and money, by utilisation and scaling law."""
    from harness.plugins import load_plugins
    from harness_reports.measured.store import read_store
    from harness_reports.planning.scale import Run, laws, scenarios
    from harness_reports.prices.chips import find_accelerator
    from harness_reports.reasons import speaking
    from harness_reports.show.formats import SUFFIXES, WRITERS, markdown, text

    kind = form_of(form, output, SUFFIXES)
    chip = find_accelerator(hardware)
    records = None if store is None else read_store(store, load_plugins(plugin or ()))
    device_price = None if usd_per_hour is not None else _device_prices(price_book, plugin, [chip]).get(chip.name)
    run = Run(
        params, tokens, chip, devices, **_planned_price(device_price, usd_per_hour),
        measured_mfu=mfu if mfu is not None or records is None else _mfu(records), lifetime_tokens=lifetime_tokens,
        multiplier=multiplier, precision=precision, layers=layers, attention_width=width,
        sequence_length=sequence_length, encoder_decoder=encoder_decoder, total_params=total_params,
    )  # fmt: skip
    with speaking(lang):
        tables = {"scenarios": scenarios(run), "laws": laws(run), **_sizes(records, params)}
        if kind == "json":
            written: str | bytes = _json(tables)
        elif kind in ("csv", "parquet"):
            written = WRITERS[kind]("scenarios", tables["scenarios"])
        else:
            writer = markdown if kind == "markdown" else text
            written = "\n".join(writer(name, frame) for name, frame in tables.items())
    write(written, output)


def _planned_price(price: Price | None, given: float | None) -> dict[str, Any]:
    """Return what a `Run` knows of its price: the price book's, or the given one."""
    if price is None:
        return {"usd_per_device_hour": given, "price_source": "" if given is None else "given with --usd-per-hour"}
    return {
        "usd_per_device_hour": float(price.usd), "price_as_of": price.as_of.isoformat(),
        "price_as_of_note": price.as_of_note, "price_source": price.source,
    }  # fmt: skip


def _mfu(records: Sequence[Record]) -> float | None:
    """Return the utilisation of measured trainings; where there is none, say why on standard error."""
    from harness.errors import FactError
    from harness_reports.measured.sizes import measured_mfu
    from harness_reports.prices.chips import accelerators

    peaks = {chip.price_item: chip.peak_flops_per_s for chip in accelerators().values() if chip.price_item}
    try:
        return measured_mfu(records, peaks)
    except FactError as error:
        typer.echo(str(error), err=True)
        return None


def _sizes(records: Sequence[Record] | None, params: float) -> dict[str, pd.DataFrame]:
    """Return what measured sizes predict for the planned one; without records, say so on standard error."""
    from harness_reports.measured.sizes import size_table

    if records is None:
        typer.echo(
            "No prediction of the planned model's quality: it takes --store with three measured sizes or more.",
            err=True,
        )
        return {}
    return {"sizes": size_table(records, params)}


def published(
    *,
    form: FormatOption = None,
    output: OutputOption = None,
    price_book: BookOption = None,
    plugin: PluginOption = None,
) -> None:
    """Print published training runs beside the planner's hours and costs, and how many lie within its estimates."""
    from harness_reports.cells import share
    from harness_reports.planning.published import bracketed
    from harness_reports.planning.published import published as compare
    from harness_reports.prices.chips import accelerators
    from harness_reports.show.formats import SUFFIXES, WRITERS, text

    kind = form_of(form, output, SUFFIXES)
    prices = _device_prices(price_book, plugin, accelerators().values())
    frame = compare(prices)
    if kind == "text":
        costs = frame["usd_within"].dropna()
        counted = (
            f"{share(bracketed(frame))} of the decoders' published hours lie within the planner's range, and "
            f"{int(costs.sum())} of {len(costs)} published costs whose hours and hourly rate are known.\n"
        )
        write(text("published", frame) + counted, output)
    else:
        write(WRITERS[kind]("published", frame), output)


def _device_prices(
    price_book: list[str] | None, plugin: list[str] | None, chips: Iterable[Accelerator]
) -> dict[str, Price]:
    """Return accelerator → its price, of those in the price book."""
    from harness.plugins import load_plugins

    prices = read_pricing(price_book, load_plugins(plugin or ())).prices
    return {chip.name: prices[chip.price_item] for chip in chips if chip.price_item in prices}


def _json(tables: dict[str, pd.DataFrame]) -> str:
    import json

    from harness_reports.cells import rows

    content = {name: rows(frame) for name, frame in tables.items()}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


class _Wish(NamedTuple):
    """The table to make, and its options."""

    name: TableName
    metric: str | None
    task: str | None
    budget_usd: float | None
    books: list[str] | None
    pricing: list[str] | None
    figures: Mapping[str, float]
    machines: list[str] | None
    threshold: float | None

    def check(self) -> None:
        """Check that the table takes the options.

        Raises:
            FactError: it does not take one.
        """
        from harness.errors import FactError

        check_budget(self.name, self.budget_usd)
        if self.metric is not None and self.name not in (TableName.ACCURACY, TableName.FRONTIER):
            raise FactError(f"--metric belongs to `accuracy` and `frontier`; {self.name.value} uses the deciding one.")
        if self.threshold is not None and self.name != TableName.CASCADE:
            raise FactError("--threshold belongs to `cascade`; no other table takes it.")


def _frame(wish: _Wish, store: str | None, plugin: list[str] | None) -> Any:
    """Return a table.

    Raises:
        StoreError: it has no rows.
    """
    from harness.plugins import load_plugins
    from harness_reports.measured.store import made_of, read_store

    wish.check()
    plugins = load_plugins(plugin or ())
    task = None if wish.task is None else plugins.current_task(wish.task)
    records = read_store(store, plugins)
    check_measured(plugin, records, plugins)
    return made_of(records, lambda read: _frame_of(read, wish, task, plugins))


def _frame_of(records: Results, wish: _Wish, task: str | None, plugins: Plugins) -> Any:
    from harness.errors import StoreError, unknown

    frame = _made(wish, records, plugins)
    unjudged = _unjudged(records, plugins) if wish.name in _JUDGED else ""
    if task is not None and len(frame) and task not in set(frame["task"]):
        raise StoreError(unknown("task in this table", task, set(frame["task"].dropna())))
    frame = frame if task is None else frame[frame["task"] == task].reset_index(drop=True)
    if not len(frame):
        why = unjudged or _EMPTY.get(wish.name, "none of the steps it needs has finished yet.")
        raise StoreError(f"The store has nothing for the table {wish.name.value!r}: {why}")
    if unjudged:
        typer.echo(f"note: {unjudged}", err=True)
    return frame


_EMPTY = {
    TableName.CASCADE: "it takes two candidates that were evaluated and served on the same data (in the scenario "
    "Offline), each with a price, of which the more expensive one is better. Add such models to the suite, and say "
    "`validation: true` under its `evaluate`.",
    TableName.JUDGES: "no judge has graded open answers yet. Next: harness judge --model MODEL --rubric RUBRIC.yaml",
}
"""Table → what it needs, where that is more than finished steps."""


def _unjudged(records: Sequence[Record], plugins: Plugins) -> str:
    """Return which data no use case takes, and how they get a verdict; empty if there are none."""
    from harness_reports.business.unjudged import in_words, unjudged, way_out

    cases = plugins.use_cases().values()
    measured = unjudged(records, list(cases))
    packaged = {task.data_name for task in plugins.tasks.values()}
    return f"no use case takes {in_words(measured)}. {way_out(measured, cases, packaged)}" if measured else ""


def _made(wish: _Wish, records: Sequence[Record], plugins: Plugins) -> Any:
    from harness_reports.measured.load_table import load
    from harness_reports.measured.tables import accuracy, throughput

    name = wish.name
    measured: dict[str, Callable[..., pd.DataFrame]] = {
        "accuracy": partial(accuracy, metric=wish.metric), "throughput": throughput, "load": load,
    }  # fmt: skip
    if name in measured:
        by_machines([None], wish.machines, records)
        return measured[name](records)
    return _priced(wish, records, plugins)


def _priced(wish: _Wish, records: Sequence[Record], plugins: Plugins) -> Any:
    from harness_reports.business.alternatives import alternatives
    from harness_reports.business.portfolio import portfolio
    from harness_reports.business.pretraining import pretraining
    from harness_reports.business.sensitivity import sensitivity
    from harness_reports.business.serving import serving
    from harness_reports.business.viability import viability
    from harness_reports.prices.cascade_table import cascade
    from harness_reports.prices.cost import cost
    from harness_reports.prices.frontier import frontier
    from harness_reports.prices.judges import judges

    name = wish.name
    chosen = read_pricing(wish.books, plugins, wish.pricing)
    owned = owned_pricing(wish.books, plugins, wish.pricing)
    by_hour, owned_by_hour = by_machines([chosen, owned], wish.machines, records)
    pricing = by_hour or chosen
    if name == TableName.COST:
        return cost(records, pricing)
    if name == TableName.JUDGES:
        return judges(records, pricing)
    if name == TableName.FRONTIER:
        return frontier(records, pricing, wish.metric)
    if name == TableName.CASCADE:
        return cascade(records, pricing, wish.threshold)
    judged: dict[str, Callable[..., pd.DataFrame]] = {
        "serving": partial(serving, owned=owned_by_hour), "viability": viability, "sensitivity": sensitivity,
        "alternatives": alternatives, "pretraining": pretraining,
        "portfolio": partial(portfolio, budget_usd=wish.budget_usd or 0.0),
    }  # fmt: skip
    return judged[name](records, pricing, plugins.use_cases(), overrides=wish.figures)
