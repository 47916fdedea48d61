"""What a check is, how it ends, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from unittest import SkipTest

Outcome = Literal["passed", "failed", "skipped", "known failure"]
Bench = TypeVar("Bench")


class CheckFailed(AssertionError):  # noqa: N818 - as `CheckFailed` it reads in a report
    """What a check demands does not hold."""


class Finding(NamedTuple):
    """How one check ended."""

    subject: str
    """`model bert`, `task translation`, …"""
    check: str
    outcome: Outcome
    why: str = ""
    remedy: str = ""
    """What to do about a failure."""


class Rule(NamedTuple, Generic[Bench]):
    """A demand on one kind of declaration."""

    name: str
    demands: str
    """One sentence."""
    remedy: str
    test: Callable[[Bench], None]
    """Raises `CheckFailed`, or `SkipTest` with the reason why it cannot run."""


class Rules(list[Rule[Bench]]):
    """The rules for one kind of declaration, in the order in which they are looked at."""

    def rule(self, remedy: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
        """Add a function as a rule: its name and the first line of its docstring are the rule's."""

        def add(test: Callable[[Bench], None]) -> Callable[[Bench], None]:
            demands = (test.__doc__ or "").partition("\n")[0]
            self.append(Rule(test.__name__, demands, remedy, test))
            return test

        return add


@dataclass(frozen=True)
class Check:
    """One rule on one subject; call it to raise, or ask `find` for what it finds."""

    subject: str
    name: str
    demands: str
    remedy: str
    known: str | None
    """Why it is known to fail."""
    test: Callable[[], None]

    def __call__(self) -> None:
        """Check.

        Raises:
            CheckFailed: it does not hold, and is not known not to; or it holds though it is known to fail.
            SkipTest: it cannot be checked here; says why.
        """
        finding = self.find()
        if finding.outcome in ("skipped", "known failure"):
            raise SkipTest(finding.why)
        if finding.outcome == "failed":
            raise CheckFailed(f"{self.subject}: {self.name}: {finding.why} {finding.remedy}".strip())

    def find(self) -> Finding:
        """Check, and return how it ended."""
        outcome, why = self._outcome()
        if self.known is not None and outcome == "failed":
            return Finding(self.subject, self.name, "known failure", self.known)
        if self.known is not None and outcome == "passed":
            return Finding(
                self.subject, self.name, "failed", "It passes now.", f"Take {self.name!r} out of known_failures."
            )
        return Finding(self.subject, self.name, outcome, why, self.remedy if outcome == "failed" else "")

    def _outcome(self) -> tuple[Outcome, str]:
        try:
            self.test()
        except SkipTest as skip:
            return "skipped", str(skip)
        except CheckFailed as failed:
            return "failed", str(failed)
        except Exception as error:  # noqa: BLE001 - what a plugin raises is a finding about it
            return "failed", f"{type(error).__name__}: {error}"
        return "passed", self.demands

    def __str__(self) -> str:
        """Return the check's name in a list of tests."""
        return f"{self.subject.replace(' ', '-')}-{self.name}"


class Findings(list[Finding]):
    """Everything that was found; prints as a table, and a notebook makes a data frame of it."""

    @property
    def ok(self) -> bool:
        """Whether nothing failed and at least one check passed."""
        outcomes = {finding.outcome for finding in self}
        return "failed" not in outcomes and "passed" in outcomes

    def count(self, outcome: Any) -> int:
        """Return how many checks ended so."""
        return sum(finding.outcome == outcome for finding in self)

    def __str__(self) -> str:
        """Return a line for each check, and what to do under those that failed."""
        lines = [" · ".join(part for part in finding if part) for finding in self]
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        """Return the counts, in words."""
        parts = [f"{self.count(outcome)} {outcome}" for outcome in ("passed", "failed", "skipped", "known failure")]
        empty = "" if self.ok or self.count("failed") else " No check could run: that is a failure."
        return ", ".join(part for part in parts if not part.startswith("0 ")) + "." + empty


def bind(rules: Sequence[Rule[Bench]], subject: str, known: Mapping[str, str], bench: Bench) -> list[Check]:
    """Return the rules as checks of one subject."""
    names = [rule.name for rule in rules]
    checks = [
        Check(subject, rule.name, rule.demands, rule.remedy, known.get(rule.name), lambda rule=rule: rule.test(bench))  # type: ignore[misc]
        for rule in rules
    ]
    strangers = [name for name in known if name not in names]
    if strangers:
        checks.append(_unknown(subject, strangers, names))
    return checks


def _unknown(subject: str, strangers: Sequence[str], names: Sequence[str]) -> Check:
    def fail() -> None:
        raise CheckFailed(f"known_failures names {strangers}, which are no checks of it.")

    return Check(subject, "known_failures", "known_failures names checks.", f"Known: {', '.join(names)}.", None, fail)
