"""Writing a table as text, CSV, JSON, Markdown or Parquet."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.cells import cell_len

from harness.errors import HarnessError
from harness.installed import absent
from harness_reports.cells import MISSING, cell, plain, rows, size
from harness_reports.reasons import Reason, named, spoken
from harness_reports.show.words import say

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a text that a spreadsheet runs as a formula."""
SHOWN: Mapping[str, Sequence[str]] = {
    "accuracy": (
        "task", "data", "model", "size", "variant", "start", "runtime", "hardware", "precision", "metric", "value",
        "low", "high", "seeds", "items", "random_baseline", "baseline_value", "against_baseline", "judgement", "stale",
    ),
    "throughput": (
        "task", "data", "model", "size", "variant", "start", "runtime", "hardware", "precision", "scenario",
        "batch_size", "samples_per_s", "low", "high", "latency_p50_s", "latency_p90_s", "latency_p99_s",
        "first_token_p50_s", "first_token_p90_s", "output_tokens_per_s", "load_s", "peak_memory_bytes",
        "largest_difference", "judgement", "stale",
    ),
    "load": (
        "task", "data", "model", "size", "variant", "start", "runtime", "hardware", "precision", "batch_size", "run",
        "requests", "answers_per_s", "low", "high", "output_tokens_per_s", "user_tokens_per_s", "first_token_median_s",
        "first_token_p99_s", "per_token_median_s", "per_token_p99_s", "gap_median_s", "latency_median_s",
        "latency_p90_s", "latency_p99_s", "goodput_per_s", "limits_kept", "highest", "failed_share", "cached_share",
        "valid", "judgement", "stale",
    ),
    "cost": (
        "task", "data", "model", "size", "variant", "start", "runtime", "hardware", "precision", "pretrain_usd",
        "finetune_usd", "train_usd", "usd_per_1k_inferences", "usd_per_1k_low", "usd_per_1k_high",
        "usd_per_1k_single_stream", "usd_per_1k_correct", "usd_per_1k_correct_low", "usd_per_1k_correct_high",
        "usd_per_1k_with_retries", "usd_per_million_output_tokens", "usd_per_million_tokens",
        "usd_per_million_tokens_low", "usd_per_million_tokens_high", "tokens_are",
        "input_tokens_per_request", "cached_tokens_per_request", "output_tokens_per_request",
        "price_usd_per_million_input", "price_usd_per_million_output", "energy_j_per_1k", "energy_kind",
        "co2e_g_per_1k", "train_energy_j", "train_co2e_g", "pue", "grid", "usd_per_hour", "utilisation",
        "price_offer", "price_region", "price_as_of", "price_stale", "note", "stale",
    ),
    "judges": (
        "task", "model", "size", "rubric", "answers", "without_grade", "people_graded", "graders", "kappa", "kappa_low",
        "kappa_high", "weighted_kappa", "alpha", "alpha_low", "alpha_high", "alpha_answers", "judge_share",
        "people_share", "corrected_share", "corrected_share_low", "corrected_share_high", "order_answers",
        "order_changed", "order_changed_low", "order_changed_high", "order_difference", "length_correlation",
        "length_bias", "length_bias_low", "length_bias_high", "judge_usd", "note",
    ),
    "frontier": (
        "task", "data", "model", "size", "variant", "start", "runtime", "hardware", "precision", "metric", "value",
        "low", "high", "usd_per_1k_inferences", "on_frontier", "on_hull", "against_baseline", "price_offer",
        "price_as_of", "price_stale", "judgement", "stale",
    ),
    "cascade": (
        "task", "data", "cheap", "expensive", "metric", "threshold", "chosen", "share", "value", "low", "high",
        "cheap_value", "expensive_value", "difference", "difference_low", "difference_high", "usd_per_1k_inferences",
        "usd_per_1k_low", "usd_per_1k_high", "cheap_usd_per_1k", "expensive_usd_per_1k", "latency_p99_s", "train_usd",
        "evaluate_usd", "items", "tolerance", "note", "price_stale", "stale",
    ),
    "viability": (
        "use_case", "data", "model", "size", "variant", "start", "runtime", "hardware", "precision", "verdict",
        "probability_wrong", "quality", "needed_quality", "latency_p99_s", "needed_latency_s", "replicas",
        "usd_per_year", "unit_margin_usd", "usd_per_correct_answer", "break_even_requests",
        "break_even_price_usd", "upfront_usd", "npv_mean_usd", "npv_low_usd", "npv_high_usd", "probability_positive",
        "irr", "payback_years", "evsi_usd", "measuring_usd", "drivers", "flip", "next_measurement", "reasons",
        "price_stale", "stale",
    ),
    "serving": (
        "use_case", "data", "model", "size", "variant", "start", "runtime", "hardware", "view", "requests_per_s",
        "peak_per_s", "needed_latency_s", "scenario", "batch_size", "samples_per_s", "answer_s", "buying", "replicas",
        "utilisation", "usd_per_year", "idle_usd_per_year", "energy_usd_per_year", "usd_per_1k_requests",
        "usd_per_correct_answer", "levelised_usd_per_1k", "energy_j_per_1k", "energy_kind", "co2e_g_per_1k", "note",
        "price_offer", "price_as_of", "price_stale", "stale",
    ),
    "sensitivity": (
        "use_case", "task", "data", "model", "size", "variant", "start", "runtime", "input", "kind", "input_p10",
        "input_p50", "input_p90", "npv_at_p10_usd", "npv_at_p90_usd", "swing_usd", "sobol_first_order", "sobol_total",
        "stale",
    ),
    "alternatives": (
        "use_case", "data", "alternative", "model", "size", "variant", "start", "runtime", "hosted_model", "threshold",
        "share", "quality", "quality_is", "unit_serving_usd", "tokens_are", "unit_error_usd", "upfront_usd",
        "npv_mean_usd", "npv_low_usd", "npv_high_usd", "probability_positive", "better_than_candidate",
        "requests_per_month", "first_break_even_requests_per_month", "first_break_even_low", "first_break_even_high",
        "machines_at_break_even", "always_cheaper_above_requests_per_month", "break_even_probability",
        "machines_cheaper_probability", "verdict", "reasons", "measuring_items", "measuring_usd",
        "measuring_command", "price_as_of", "price_terms", "price_stale", "stale",
    ),
    "pretraining": (
        "task", "data", "model", "size", "variant", "runtime", "hardware", "precision", "labels", "metric", "scratch",
        "pretrained", "gain", "gain_low", "gain_high", "difference", "seeds_scratch", "seeds_pretrained",
        "pretrain_usd", "finetune_usd", "use_case", "gain_usd_per_use", "break_even_uses", "pays", "stale",
    ),
    "portfolio": (
        "use_case", "data", "model", "size", "variant", "start", "runtime", "verdict", "funding_usd", "npv_mean_usd",
        "npv_p50_usd", "probability_positive", "funded", "why", "budget_usd", "spent_usd", "left_usd",
        "portfolio_npv_usd", "portfolio_npv_low_usd", "portfolio_npv_high_usd", "portfolio_probability_of_loss",
        "stale",
    ),
    "comparison": (
        "task", "data", "candidate", "reference", "metric", "items", "value", "reference_value", "difference", "ratio",
        "low", "high", "p_corrected", "result", "items_won", "items_lost", "margin", "within_margin", "detectable",
        "point", "items_for_point", "test", "unpaired_low", "unpaired_high", "unpaired_p", "note", "stale",
    ),
    "answers": (
        "task", "data", "candidate", "reference", "metric", "place", "outcome", "input", "target", "reference_output",
        "output", "reference_score", "score", "reference_graded_by", "graded_by",
    ),
    "sizes": (
        "task", "data", "model", "start", "metric", "sizes", "params_low", "params_high", "exponent", "exponent_low",
        "exponent_high", "params", "predicted", "predicted_low", "predicted_high", "refused", "stale",
    ),
    "scenarios": (
        "scenario", "precision", "mfu", "kind", "accelerator", "devices", "least_devices", "flops", "device_hours",
        "days", "energy_mwh", "co2e_tonnes", "rental_usd", "owned_usd", "usd_per_device_hour", "price_as_of",
        "hardware_usd", "hardware_as_of", "price_stale", "hardware_stale",
    ),
    "laws": (
        "law", "extrapolated", "best_params", "best_tokens", "best_tokens_per_param", "best_loss", "planned_loss",
        "lifetime_tokens", "life_params", "life_tokens",
    ),
    "prices": (
        "book", "item", "usd", "per", "provider", "offer", "region", "billing", "energy", "as_of", "as_of_note",
        "counts", "old", "source",
    ),
    "published": (
        "id", "arch", "accelerator", "published_hours", "hours_low", "hours_middle", "hours_high", "within",
        "implied_mfu", "published_usd", "usd_low", "usd_middle", "usd_high", "usd_per_hour", "price_as_of", "old",
        "tier",
    ),
}  # fmt: skip
"""Table → columns in text, Markdown and HTML; of other tables all. CSV, JSON and Parquet always hold all."""
_SHARED = {
    "task", "data", "start", "hardware", "precision", "metric", "use_case", "price_offer", "price_region",
    "price_as_of", "usd_per_hour", "utilisation", "needed_quality", "needed_latency_s", "random_baseline",
    "baseline_value", "seeds", "items", "size", "judgement", "devices", "least_devices", "flops",
    "usd_per_device_hour", "hardware_usd", "hardware_as_of", "lifetime_tokens", "extrapolated", "budget_usd",
    "spent_usd", "left_usd", "portfolio_npv_usd", "seeds_scratch", "seeds_pretrained", "pue", "grid", "energy_kind",
    "price_terms", "price_stale", "hardware_stale", "params", "book", "per", "billing", "energy", "as_of_note",
    "provider", "failed_share", "candidate", "reference", "margin", "tolerance", "chosen",
}  # fmt: skip
"""Columns that a line below the table replaces where all rows agree."""
LONG = (
    "stale",
    "price_stale",
    "hardware_stale",
    "reasons",
    "flip",
    "next_measurement",
    "drivers",
    "judgement",
    "excluded",
    "why",
    "note",
    "refused",
)
"""Columns of sentences, written below their row."""
_FAULTS = ("stale", "price_stale", "hardware_stale", "judgement")
"""Those of them that a mark in the row points to."""
_MARK = "*"
_TOLD_APART = ("data", "hardware", "precision", "batch_size", "metric")
"""Columns that head a sentence where they differ in the table."""


def shown(name: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the columns for people as text, and a line with cells that are the same in every row."""
    columns = SHOWN.get(name) or list(frame.columns)
    table = pd.DataFrame(
        [
            {column: (size if column.endswith("_bytes") else cell)(plain(row[column])) for column in columns}
            for row in frame.to_dict("records")
        ],
        columns=list(columns),
        dtype=object,
    )
    empty = [column for column in table if (table[column] == MISSING).all()]
    same = [c for c in table if c in _SHARED and c not in empty and len(table) > 1 and len(set(table[c])) == 1]
    line = " · ".join(f"{named('column', column)} {named('cell', table[column].iloc[0])}" for column in same)
    return table.drop(columns=[*empty, *same]), line


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """Return cells as text in the language that is spoken."""
    return table.map(lambda cell: named("cell", cell))


def heading(column: str) -> str:
    """Return a column's heading for people, in the language that is spoken."""
    return named("column", column, column.removesuffix("_bytes").replace("_", " "))


def text(name: str, frame: pd.DataFrame, width: int | None = None) -> str:
    """Return a table for a terminal, long texts below it; elsewhere the width is not limited."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table, line = shown(name, frame)
    table = in_words(table)
    long = [column for column in LONG if column in table]
    grid = Table(title=Text(name), title_justify="left", box=None, header_style="", pad_edge=False)
    needed = {column: _needed(column, table[column]) for column in table.columns.drop(long)}
    marks = _marks(table, long)
    room = sum(needed.values()) + 2 * len(needed) + len(_MARK) + 2
    width = width or _terminal_width(room)
    for column, cells in needed.items():
        number = pd.api.types.is_numeric_dtype(frame[column]) and frame[column].dtype != bool
        grid.add_column(
            Text(heading(column)), justify="right" if number else "left",
            overflow="fold", width=cells if room <= width else None,
        )  # fmt: skip
    if any(marks):
        grid.add_column("", width=len(_MARK))
    for row, mark in zip(table.drop(columns=long).itertuples(index=False), marks, strict=True):
        grid.add_row(*map(Text, row), *([mark] if any(marks) else []))
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False, color_system=None)
    console.print(grid)
    for remark in [*([f"{say('The same in every row')}: {line}"] if line else []), *_remarks(table, long)]:
        console.print(Text(remark))
    return "\n".join(text_line.rstrip() for text_line in stream.getvalue().splitlines()) + "\n"


def _needed(column: str, cells: pd.Series) -> int:
    """Return the width in characters, two for a Chinese one, at which no cell and no word of the heading is folded."""
    return max(*map(cell_len, cells), *map(cell_len, heading(column).split()))


def _terminal_width(room: int) -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else max(room, 120)  # for long texts below it


def _remarks(table: pd.DataFrame, long: Sequence[str]) -> Iterator[str]:
    """Yield the long texts of each row, headed by what identifies the row."""
    names = [
        name
        for name in (
            "use_case", "task", "data", "model", "size", "variant", "start", "runtime", "hardware", "precision",
            "cheap", "expensive", "scenario", "batch_size", "run", "candidate", "metric", "hosted_model", "rubric",
        )
        if name in table and (name not in _TOLD_APART or len(set(table[name])) > 1)
    ]  # fmt: skip
    for row in table.to_dict("records"):
        who = " ".join(row[name] for name in names if row[name] not in (MISSING, "default"))
        for column in long:
            mark = f"{_MARK} " if column in _FAULTS else ""
            yield from (f"{mark}{who}: {remark}" for remark in remarks({column: row[column]}))


def _marks(table: pd.DataFrame, long: Sequence[str]) -> list[str]:
    """Return a mark for each row that has a fault."""
    faults = [column for column in long if column in _FAULTS]
    return [_MARK if remarks({name: row[name] for name in faults}) else "" for row in table.to_dict("records")]


def remarks(row: Mapping[Any, Any]) -> list[str]:
    """Return the sentences of a row, that of `stale` under its name."""
    sound = str(Reason("numbers sound"))
    sentences = {name: str(row[name]) for name in LONG if row.get(name) not in (None, MISSING, sound)}
    return [f"{heading('stale')}: {text}" if name == "stale" else text for name, text in sentences.items()]


def csv(_: str, frame: pd.DataFrame) -> str:
    """Return all columns as CSV; an apostrophe precedes text that a spreadsheet would run as a formula."""
    return str(frame.map(_harmless).to_csv(index=False))


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n")  # a lone carriage return would end the row
    return f"'{lines}" if value.startswith(_FORMULA) else lines


def as_json(_: str, frame: pd.DataFrame) -> str:
    """Return all columns as a JSON list of row objects, null for missing cells."""
    return json.dumps(rows(frame), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def markdown(name: str, frame: pd.DataFrame) -> str:
    """Return the columns for people as a Markdown table."""
    table, line = shown(name, frame)
    table = in_words(table)
    if spoken() != "en":
        table = table.rename(columns=heading)
    safe = table.map(lambda value: " ".join(value.split()).replace("|", "\\|").replace("<", "&lt;"))
    return f"{safe.to_markdown(index=False, disable_numparse=True)}\n" + (f"\n{line}\n" if line else "")


def parquet(_: str, frame: pd.DataFrame) -> bytes:
    """Return all columns as a Parquet file.

    Raises:
        HarnessError: pyarrow is not installed.
    """
    if absent(["pyarrow"]):
        raise HarnessError("Parquet needs pyarrow, which is not installed. Next: python -m pip install pyarrow")
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    return stream.getvalue()


WRITERS: Mapping[str, Callable[[str, pd.DataFrame], str | bytes]] = {
    "text": text,
    "csv": csv,
    "json": as_json,
    "markdown": markdown,
    "parquet": parquet,
}
SUFFIXES = {".txt": "text", ".csv": "csv", ".json": "json", ".md": "markdown", ".parquet": "parquet"}
