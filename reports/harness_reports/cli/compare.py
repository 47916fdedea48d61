"""`harness compare`. Functions import heavy modules."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from harness_reports.cli.options import (
    BookOption,
    FormatOption,
    LanguageName,
    LanguageOption,
    MachineOption,
    OutputOption,
    PluginOption,
    PricingOption,
    StoreOption,
    by_machines,
    form_of,
    read_pricing,
    write,
)


class FailIf(StrEnum):
    """What ends the command with code 1."""

    WORSE = "worse"
    DIFFERENT = "different"
    NOT_WITHIN_MARGIN = "not-within-margin"


def compare(
    candidates: Annotated[
        list[str],
        typer.Argument(
            help="The reference, and one candidate or more: a model, its name in charts ('bert tiny'), or that with "
            "its runtime ('bert tiny@eager').",
            metavar="REFERENCE CANDIDATE…",
        ),
    ],
    *,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
    metric: Annotated[str | None, typer.Option(help="This metric instead of the deciding one.")] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="How much worse a candidate may be, in the metric's unit: non-inferiority."),
    ] = None,
    fail_if: Annotated[
        FailIf | None,
        typer.Option(
            help="End with code 1 where a candidate is significantly worse, or different, or not shown to be within "
            "the margin."
        ),
    ] = None,
    form: FormatOption = None,
    output: OutputOption = None,
    store: StoreOption = None,
    price_book: BookOption = None,
    pricing: PricingOption = None,
    machine: MachineOption = None,
    plugin: PluginOption = None,
    lang: LanguageOption = LanguageName.ENGLISH,
) -> None:
    """Compare candidates with a reference, item by item: quality, what these items can show, cost, latency, energy."""
    from harness.errors import FAILED, FactError
    from harness.plugins import load_plugins
    from harness_reports.cells import rows
    from harness_reports.measured.store import read_store
    from harness_reports.prices.compared import compared
    from harness_reports.reasons import speaking
    from harness_reports.show.formats import SUFFIXES, WRITERS

    if fail_if == FailIf.NOT_WITHIN_MARGIN and margin is None:
        raise FactError("--fail-if not-within-margin takes a --margin, in the metric's unit, such as 0.01.")
    kind = form_of(form, output, SUFFIXES)
    plugins = load_plugins(plugin or ())
    only = None if task is None else plugins.current_task(task)
    chosen, records = read_pricing(price_book, plugins, pricing), read_store(store, plugins)
    (by_hour,) = by_machines([chosen], machine, records)
    with speaking(lang):
        frame = compared(records, candidates, by_hour or chosen, task=only, metric=metric, margin=margin)
        write(WRITERS[kind]("comparison", frame), output)
    if any(_fails(row, fail_if) for row in rows(frame)):
        raise typer.Exit(FAILED)


def _fails(row: Mapping[str, Any], fail_if: FailIf | None) -> bool:
    """Return whether a row of the comparison is one that the command shall fail for."""
    if fail_if == FailIf.NOT_WITHIN_MARGIN:
        return row["within_margin"] is False
    failing = {FailIf.WORSE: ("worse",), FailIf.DIFFERENT: ("better", "worse")}
    return fail_if is not None and row["result"] in failing[fail_if]
