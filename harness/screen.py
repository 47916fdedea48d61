"""How a run shows itself: live on a terminal, in plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness.plan import Plan, Step
from harness.plugins import Failure
from harness.records import Record
from harness.testing.findings import Finding

GOOD = {"ok": "green", "unsupported": "yellow"}
NO_LOSS = ("done", "seconds", "samples")
REFRESH_PER_S = 1.0
"""Often enough for a person, seldom enough for the machine that is being measured."""


class PlainScreen:
    """One line when a step ends."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._where = ""
        self._title = ""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def begin(self, step: Step, number: int, total: int) -> None:
        """Remember which step this is."""
        self._where, self._title = f"[{number}/{total}]", step.title

    def progress(self, state: dict[str, float]) -> None:
        """Say nothing in between: a log is read afterwards."""

    def end(self, record: Record) -> None:
        """Print how the step ended and its first figures."""
        colour = GOOD.get(record.outcome, "red")
        line = f"{escape(self._where)} {escape(self._title)}: [{colour}]{record.outcome}[/] {escape(_figures(record))}"
        self.console.print(line.rstrip(), soft_wrap=True)
        if record.outcome not in GOOD:
            self.console.print(f"      {escape(record.reason or '')}", soft_wrap=True)

    def skipped(self, step: Step, why: str) -> None:
        """Print that a step was not tried."""
        self.console.print(f"      {escape(step.title)}: [yellow]not tried[/], {escape(why)}", soft_wrap=True)

    def changed(self, step: Step, what: Sequence[str]) -> None:
        """Print what has changed since a step was planned."""
        self.console.print(
            f"      {escape(step.title)}: [yellow]planned again[/], {escape(', '.join(what))}", soft_wrap=True
        )

    def warn(self, failures: Sequence[Failure]) -> None:
        """Print which plugins could not take a record."""
        for failure in failures:
            self.console.print(
                f"      [yellow]plugin {escape(failure.plugin)} failed:[/] {escape(failure.reason)}", soft_wrap=True
            )


class LiveScreen(PlainScreen):
    """Bars for the suite and the step, with loss, throughput and time left."""

    def __init__(self, console: Console, total: int) -> None:
        super().__init__(console)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=REFRESH_PER_S,
        )
        self._suite = self._bars.add_task("suite", total=total, state="")
        self._step: Any = None

    def __enter__(self) -> Self:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bars away."""
        self._bars.stop()

    def begin(self, step: Step, number: int, total: int) -> None:
        """Put up a bar for the step."""
        super().begin(step, number, total)
        self._step = self._bars.add_task(escape(step.title), total=100, state="")

    def progress(self, state: dict[str, float]) -> None:
        """Move the step's bar."""
        rate = state["samples"] / state["seconds"] if state["seconds"] else 0.0
        losses = " ".join(f"{name} {value:.3f}" for name, value in state.items() if name not in NO_LOSS)
        self._bars.update(
            self._step, completed=round(100 * state["done"]), state=escape(f"{losses} {rate:,.0f} samples/s")
        )

    def end(self, record: Record) -> None:
        """Take the step's bar away and print its line above the bars."""
        self._bars.remove_task(self._step)
        self._bars.advance(self._suite)
        super().end(record)


def open_screen(console: Console, plan: Plan) -> PlainScreen:
    """Return the screen that fits where the output goes."""
    return LiveScreen(console, len(plan.pending)) if console.is_terminal else PlainScreen(console)


class FindingsScreen:
    """A line for each conformance check as it ends, under what it was made on."""

    WIDTH = 32

    def __init__(self, console: Console) -> None:
        self._console = console
        self._subject = ""

    def show(self, finding: Finding) -> None:
        """Print how a check ended, why, and what to do about it."""
        if finding.subject != self._subject:
            self._subject = finding.subject
            self._console.print(f"[bold]{escape(finding.subject)}[/]")
        colour = {"passed": "green", "failed": "red"}.get(finding.outcome, "yellow")
        name, outcome = f"{finding.check:<{self.WIDTH}}", f"{finding.outcome:<13}"
        self._console.print(f"  {name} [{colour}]{outcome}[/] {escape(finding.why)}", soft_wrap=True)
        if finding.remedy:
            self._console.print(f"  {'':<{self.WIDTH}} {'to do':<13} {escape(finding.remedy)}", soft_wrap=True)


def _figures(record: Record) -> str:
    parts = []
    if (wall := record.value("wall_s")) is not None:
        parts.append(f"{wall:.1f} s")
    if record.step == "serve" and wall and (samples := record.value("samples")):
        parts.append(f"{samples / wall:,.0f} samples/s")
    parts += [f"{metric['name']} {record.metric_value(metric):.3f}" for metric in record.metrics[:1]]
    if record.step in ("pretrain", "finetune"):
        parts += [f"{name} {values[-1]:.3f}" for name, values in record.series.items() if name != "step_s" and values][
            :2
        ]
    if record.outcome == "unsupported":
        parts.append(record.reason or "")
    return ", ".join(parts)
