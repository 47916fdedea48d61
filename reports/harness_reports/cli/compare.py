"""`harness compare`. Functions import heavy modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    import pandas as pd


class FailIf(StrEnum):
    """What ends the command with code 1."""

    WORSE = "worse"
    DIFFERENT = "different"
    NOT_WITHIN_MARGIN = "not-within-margin"


class AnswersName(StrEnum):
    """Which items are shown with the answers of both."""

    ALL = "all"
    BOTH_RIGHT = "both-right"
    BOTH_WRONG = "both-wrong"
    REFERENCE_ONLY = "reference-only"
    CANDIDATE_ONLY = "candidate-only"
    EQUAL = "equal"
    REFERENCE_BETTER = "reference-better"
    CANDIDATE_BETTER = "candidate-better"

    @property
    def outcome(self) -> str | None:
        """The outcome in the table, None: all."""
        return None if self == AnswersName.ALL else self.value.replace("-", " ")


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
    data_name: Annotated[str | None, typer.Option(help="Only the data of this name.")] = None,
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
    answers: Annotated[
        AnswersName | None,
        typer.Option(
            help="In place of the comparison the answers of both, item by item: all, or those that are right in both, "
            "in neither, or in one only; in a metric without a ceiling by whose is better."
        ),
    ] = None,
    search: Annotated[
        str | None, typer.Option(help="With --answers: only items whose input or answers hold this text.")
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
    from harness.errors import FAILED
    from harness.plugins import load_plugins
    from harness_reports.cells import rows
    from harness_reports.measured.answers import answers as answers_of
    from harness_reports.measured.store import made_of, read_store
    from harness_reports.prices.compared import compared
    from harness_reports.reasons import speaking
    from harness_reports.show.formats import SUFFIXES, WRITERS

    _check(margin, fail_if, answers, search)
    kind = form_of(form, output, SUFFIXES)
    plugins = load_plugins(plugin or ())
    wanted = {"task": None if task is None else plugins.current_task(task), "data": data_name, "metric": metric}
    chosen, records = read_pricing(price_book, plugins, pricing), read_store(store, plugins)
    (by_hour,) = by_machines([chosen], machine, records)
    with speaking(lang):
        if answers is not None:
            every = made_of(records, lambda read: answers_of(read, candidates, **wanted))
            shown = _chosen(every, answers, search or "")
            write(WRITERS[kind]("answers", _for_people(shown, kind)), output)
            return
        frame = made_of(records, lambda read: compared(read, candidates, by_hour or chosen, margin=margin, **wanted))
        _check_all(candidates, frame)
        write(WRITERS[kind]("comparison", frame), output)
    if any(_fails(row, fail_if) for row in rows(frame)):
        raise typer.Exit(FAILED)


def _check(margin: float | None, fail_if: FailIf | None, answers: AnswersName | None, search: str | None) -> None:
    """Check that options go together.

    Raises:
        FactError: they do not.
    """
    from harness.errors import FactError

    if fail_if == FailIf.NOT_WITHIN_MARGIN and margin is None:
        raise FactError("--fail-if not-within-margin takes a --margin, in the metric's unit, such as 0.01.")
    if answers is None and search is not None:
        raise FactError("--search belongs to --answers, such as --answers all.")
    if answers is not None and (fail_if is not None or margin is not None):
        raise FactError("--answers shows items: --margin and --fail-if belong to the comparison without it.")


def _check_all(names: Sequence[str], frame: pd.DataFrame) -> None:
    """Check that every candidate was compared: one that was not would pass a gate.

    Raises:
        StoreError: one was not.
    """
    from harness.errors import StoreError

    reference, *candidates = names
    if left_out := sorted(set(candidates) - set(frame["candidate"])):
        raise StoreError(
            f"Not compared: {', '.join(left_out)}. {reference!r} was graded on no items of theirs by the same metric, "
            "or their answers have no grades. Run them on the same task and data, or leave them out."
        )


def _chosen(frame: pd.DataFrame, kind: AnswersName, search: str) -> pd.DataFrame:
    """Return the chosen rows of the answers table.

    Raises:
        StoreError: there are none; says how many items have which outcome.
    """
    from harness.errors import StoreError
    from harness_reports.measured.answers import chosen, outcomes

    rows = chosen(frame, kind.outcome, search)
    if not len(rows):
        counts = ", ".join(f"{name.replace(' ', '-')} {count}" for name, count in outcomes(frame).items())
        if not counts and kind.outcome is not None:
            raise StoreError(
                f"The metric grades no single item here, so none is {kind.value}. Take --answers all, or another "
                "--metric."
            )
        holding, there = f" with {search!r} in it" if search else "", f" There are: {counts}." if counts else ""
        raise StoreError(f"No item of {len(frame):,} is {kind.value}{holding}.{there}")
    return rows


def _for_people(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    from harness_reports.measured.answers import clipped

    return clipped(frame) if kind in ("text", "markdown") else frame


def _fails(row: Mapping[str, Any], fail_if: FailIf | None) -> bool:
    """Return whether a row of the comparison is one that the command shall fail for."""
    if fail_if == FailIf.NOT_WITHIN_MARGIN:
        return row["within_margin"] is False
    failing = {FailIf.WORSE: ("worse",), FailIf.DIFFERENT: ("better", "worse")}
    return fail_if is not None and row["result"] in failing[fail_if]
