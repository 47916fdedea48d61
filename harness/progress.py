"""What a run says of itself: step by step to a screen, and in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.plan import Step
from harness.plugins import Failure
from harness.records import Record, is_failure


class Screen(Protocol):
    """Where a run shows its progress."""

    def begin(self, step: Step, number: int, total: int) -> None:
        """Show that a step begins."""

    def progress(self, step: Step, state: dict[str, float]) -> None:
        """Show a step's progress: `done` (share), `seconds`, `samples`, losses."""

    def end(self, record: Record) -> None:
        """Show how the step ended."""

    def skipped(self, step: Step, why: str) -> None:
        """Show that a step was not tried."""

    def warn(self, failures: Sequence[Failure]) -> None:
        """Show which plugins failed on a finished record."""

    def changed(self, step: Step, what: Sequence[str]) -> None:
        """Show what has changed since a step was planned: the rest is planned again."""

    def made_again(self, step: Step, lost: Step) -> None:
        """Show that a finished step is done again before one that reads what it wrote: that is gone or has changed."""

    def done_elsewhere(self, step: Step, outcome: str) -> None:
        """Show that another run has done a step."""

    def waits(self, steps: int) -> None:
        """Show that other runs do all steps that are left, and that this one waits for them."""


@dataclass
class Summary:
    """What a run did."""

    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    elsewhere: int = 0
    """Steps among those of `outcomes` that other runs did meanwhile."""

    @property
    def ended(self) -> int:
        """How many steps are behind the run."""
        return self.skipped + self.outcomes.total()

    @property
    def complete(self) -> bool:
        """Whether all that can be done is done."""
        return not self.skipped and not any(map(is_failure, self.outcomes))

    def __str__(self) -> str:
        """Return counts of steps: `2 failed (1 timed out), 3 ok, 6 not tried`, and how many other runs did."""
        failures = {outcome: count for outcome, count in sorted(self.outcomes.items()) if is_failure(outcome)}
        others = [f"{count} {outcome}" for outcome, count in failures.items() if outcome != "failed"]
        counts = {outcome: count for outcome, count in self.outcomes.items() if not is_failure(outcome)}
        parts = [f"{count} {outcome}" for outcome, count in sorted(counts.items())]
        if failures:
            parts = [f"{sum(failures.values())} failed" + (f" ({', '.join(others)})" if others else ""), *parts]
        parts += [f"{self.skipped} not tried"] if self.skipped else []
        return ", ".join(parts) + (f"; {self.elsewhere} of them by other runs" if self.elsewhere else "")
