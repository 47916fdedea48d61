"""How a run shows its progress: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from harness.plan import Plan, Step
from harness.plugins import Failure
from harness.records import Record
from harness.testing.findings import Finding

GOOD = {"ok": "green", "unsupported": "yellow"}
NO_LOSS = ("done", "seconds", "samples")
REFRESH_PER_S = 1.0
"""Seldom, since drawing takes time from the machine that is being measured."""


class PlainScreen:
    """One line when a step ends."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._begun: dict[str, str] = {}
        """Fingerprint → number and title of the steps that are done now."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def begin(self, step: Step, number: int, total: int) -> None:
        """Remember which step this is."""
        self._begun[step.fingerprint] = f"[{number}/{total}] {step.title}"

    def progress(self, step: Step, state: dict[str, float]) -> None:
        """Print nothing between steps: a log is read afterwards."""

    def end(self, record: Record) -> None:
        """Print how the step ended and its first figures."""
        outcome = (record.outcome, GOOD.get(record.outcome, "red"))
        self._say(f"{self._begun.pop(record.fingerprint, record.step)}: ", outcome, f" {_figures(record)}".rstrip())
        if record.outcome not in GOOD:
            self._say(f"      {record.reason or ''}")

    def skipped(self, step: Step, why: str) -> None:
        """Print that a step was not tried."""
        self._say(f"      {step.title}: ", ("not tried", "yellow"), f", {why}")

    def changed(self, step: Step, what: Sequence[str]) -> None:
        """Print what has changed since a step was planned."""
        self._say(f"      {step.title}: ", ("planned again", "yellow"), f", {', '.join(what)}")

    def made_again(self, step: Step, lost: Step) -> None:  # noqa: ARG002 - for screens that show what is under way
        """Print that a finished step is done again."""
        self._say(f"      {lost.title}: ", ("done again", "yellow"), ", as what it wrote is gone or has changed")

    def done_elsewhere(self, step: Step, outcome: str) -> None:
        """Print that another run has done a step."""
        self._say(f"      {step.title}: ", (outcome, GOOD.get(outcome, "red")), ", done by another run")

    def waits(self, steps: int) -> None:
        """Print that other runs do all that is left."""
        self._say(f"      Other runs do what can be done now: waiting for them, with {steps} steps left.")

    def warn(self, failures: Sequence[Failure]) -> None:
        """Print which plugins failed on a record."""
        for failure in failures:
            self._say("      ", (f"plugin {failure.plugin} failed:", "yellow"), f" {failure.reason}")

    def _say(self, *parts: str | tuple[str, str]) -> None:
        say(self.console, *parts)


class LiveScreen(PlainScreen):
    """Bars for the suite and the step, with loss, throughput and time left."""

    def __init__(self, console: Console, total: int) -> None:
        super().__init__(console)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=REFRESH_PER_S,
        )
        self._suite = self._bars.add_task("suite", total=total, state="")
        self._steps: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bars."""
        self._bars.stop()

    def begin(self, step: Step, number: int, total: int) -> None:
        """Add a bar for the step."""
        super().begin(step, number, total)
        self._steps[step.fingerprint] = self._bars.add_task(step.title, total=100, state="")

    def progress(self, step: Step, state: dict[str, float]) -> None:
        """Move the step's bar."""
        rate = state["samples"] / state["seconds"] if state["seconds"] else 0.0
        losses = " ".join(f"{name} {value:.3f}" for name, value in state.items() if name not in NO_LOSS)
        share, rest = round(100 * state["done"]), f"{losses} {rate:,.0f} samples/s"
        self._bars.update(self._steps[step.fingerprint], completed=share, state=rest)

    def done_elsewhere(self, step: Step, outcome: str) -> None:
        """Print that another run has done a step, above the bars."""
        self._bars.advance(self._suite)
        super().done_elsewhere(step, outcome)

    def end(self, record: Record) -> None:
        """Remove the step's bar and print its line above the bars."""
        self._remove(record.fingerprint)
        self._bars.advance(self._suite)
        super().end(record)

    def skipped(self, step: Step, why: str) -> None:
        """Remove the step's bar, if it has one, and print that it was not tried."""
        self._remove(step.fingerprint)
        super().skipped(step, why)

    def changed(self, step: Step, what: Sequence[str]) -> None:
        """Remove the step's bar and print what has changed."""
        self._remove(step.fingerprint)
        super().changed(step, what)

    def made_again(self, step: Step, lost: Step) -> None:
        """Remove the step's bar and print which one is done again before."""
        self._remove(step.fingerprint)
        super().made_again(step, lost)

    def _remove(self, fingerprint: str) -> None:
        if (bar := self._steps.pop(fingerprint, None)) is not None:
            self._bars.remove_task(bar)


def open_screen(console: Console, plan: Plan) -> PlainScreen:
    """Return the screen for a terminal, or for a file or pipe."""
    return LiveScreen(console, len(plan.pending)) if console.is_terminal else PlainScreen(console)


class FindingsScreen:
    """A line for each conformance check as it ends, under its subject."""

    WIDTH = 32

    def __init__(self, console: Console) -> None:
        self._console = console
        self._subject = ""

    def show(self, finding: Finding) -> None:
        """Print how a check ended, why, and what to do about it."""
        if finding.subject != self._subject:
            self._subject = finding.subject
            say(self._console, (finding.subject, "bold"))
        colour = {"passed": "green", "failed": "red"}.get(finding.outcome, "yellow")
        name, outcome = f"{finding.check:<{self.WIDTH}}", f"{finding.outcome:<13}"
        say(self._console, f"  {name} ", (outcome, colour), f" {finding.why}")
        if finding.remedy:
            say(self._console, f"  {'':<{self.WIDTH}} {'to do':<13} {finding.remedy}")


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print a line of texts, some with a style. Names come from plugins: markup and emoji codes are not interpreted."""
    console.print(Text.assemble(*parts), soft_wrap=True)


def _figures(record: Record) -> str:
    parts = []
    if (wall := record.value("wall_s")) is not None:
        parts.append(f"{wall:.1f} s")
    if record.step == "serve" and wall and (samples := record.value("samples")):
        parts.append(f"{samples / wall:,.0f} samples/s")
    if (runs := record.used.get("runs")) and not any(one["valid"] for one in runs):
        parts.append(f"no run counts: {runs[0]['why_not']}")
    if record.used.get("caches_answers"):
        parts.append("answers are cached, so this is not the model's speed")
    if record.used.get("repeatable") is False:
        parts.append("the data do not follow their seed, so another evaluation has other items")
    if record.used.get("all_alike"):
        parts.append(f"all {len(next(iter(record.scores.values()), [])):,} items are the same")
    parts += [f"{metric['name']} {record.metric_value(metric):.3f}" for metric in record.metrics[:1]]
    if record.step in ("pretrain", "finetune"):
        parts += [f"{name} {values[-1]:.3f}" for name, values in record.series.items() if name != "step_s" and values][
            :2
        ]
    if record.outcome == "unsupported":
        parts.append(record.reason or "")
    return ", ".join(parts)
