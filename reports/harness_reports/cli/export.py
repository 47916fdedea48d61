"""`harness export`. Functions import heavy modules."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness_reports.cli.options import OutputOption, PluginOption, StoreOption, form_of, write

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}


class ExportName(StrEnum):
    """What can be exported."""

    PREDICTIONS = "predictions"


class ExportFormat(StrEnum):
    """How it is written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


def export(
    name: Annotated[ExportName, typer.Argument(help="What to export.")],
    *,
    form: Annotated[
        ExportFormat | None,
        typer.Option(
            "--format",
            help="JSON Lines and Parquet hold every text as it is; in CSV an apostrophe precedes one that a "
            "spreadsheet would run as a formula. Else by the suffix of -o, else csv.",
            show_default=False,
        ),
    ] = None,
    output: OutputOption = None,
    store: StoreOption = None,
    plugin: PluginOption = None,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
) -> None:
    """Write what each model answered to each item, for your own tools: input, reference, output, confidence, scores.

    Of served models also tokens, finish reason, why an answer is none, and its text.
    """
    from harness.plugins import load_plugins
    from harness_reports.measured.predictions import predictions
    from harness_reports.measured.store import made_of, read_store

    kind = "csv" if form is None and output is None else form_of(form, output, SUFFIXES)
    plugins = load_plugins(plugin or ())
    chosen = {"task": None if task is None else plugins.current_task(task), "model": model}
    frame = made_of(
        read_store(store, plugins), lambda read: predictions([record for record in read if record.step != "serve"])
    )
    write(_written(kind, _only(frame, chosen, name)), output)


def _only(frame: pd.DataFrame, chosen: dict[str, str | None], name: str) -> pd.DataFrame:
    """Return the rows of a task and a model.

    Raises:
        StoreError: there are none; names what there is.
    """
    from harness.errors import StoreError, unknown

    if not len(frame):
        raise StoreError(f"The store has no {name}: no evaluation has finished yet.")
    for column, value in chosen.items():
        if value is not None:
            if value not in set(frame[column]):
                raise StoreError(unknown(column, value, set(frame[column])))
            frame = frame[frame[column] == value]
    return frame.reset_index(drop=True)


def _written(kind: str, frame: pd.DataFrame) -> str | bytes:
    from harness_reports.cells import rows
    from harness_reports.show import formats

    if kind == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows(frame))
    flat = frame.apply(_flat)
    return formats.WRITERS[kind]("predictions", flat.convert_dtypes() if kind == "parquet" else flat)


def _flat(column: pd.Series) -> pd.Series:
    """Return a column of a table: lists and mappings as JSON, and all cells as texts where one is, as of two tasks."""
    if not any(isinstance(cell, str | list | dict) for cell in column):
        return column
    return column.map(_text)


def _text(value: Any) -> Any:
    from harness_reports.cells import missing

    return value if isinstance(value, str) or missing(value) else json.dumps(value, ensure_ascii=False)
