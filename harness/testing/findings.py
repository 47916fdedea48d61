"""Checks, their outcomes, and the report of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from unittest import SkipTest

Outcome = Literal["passed", "failed", "skipped", "known failure"]
Bench = TypeVar("Bench")


class CheckFailed(AssertionError):  # noqa: N818 - the name reads well in a report
    """A check's demand does not hold."""


class Finding(NamedTuple):
    """The result of one check."""

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
    """The demand in one sentence."""
    remedy: str
    test: Callable[[Bench], None]
    """Raises `CheckFailed`, or `SkipTest` with the reason why it cannot run."""


class Rules(list[Rule[Bench]]):
    """The rules for one kind of declaration, in the order in which they are checked."""

    def rule(self, remedy: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
        """Return a decorator that adds a function as a rule, with its name and the first line of its docstring."""

        def add(test: Callable[[Bench], None]) -> Callable[[Bench], None]:
            demands = (test.__doc__ or "").partition("\n")[0]
            self.append(Rule(test.__name__, demands, remedy, test))
            return test

        return add


@dataclass(frozen=True)
class Check:
    """One rule on one subject; a call raises, `find` returns a finding."""

    subject: str
    name: str
    demands: str
    remedy: str
    known_failure: str | None
    """Why it fails, if that is accepted."""
    test: Callable[[], None]

    def __call__(self) -> None:
        """Run the check.

        Raises:
            CheckFailed: it fails and is no known failure, or it is one and passes.
            SkipTest: it cannot run here, or is a known failure; the message is the reason.
        """
        finding = self.find()
        if finding.outcome in ("skipped", "known failure"):
            raise SkipTest(finding.why)
        if finding.outcome == "failed":
            raise CheckFailed(f"{self.subject}: {self.name}: {finding.why} {finding.remedy}".strip())

    def find(self) -> Finding:
        """Run the check and return the result."""
        outcome, why = self._outcome()
        if self.known_failure is not None and outcome == "failed":
            return Finding(self.subject, self.name, "known failure", self.known_failure)
        if self.known_failure is not None and outcome == "passed":
            return Finding(
                self.subject, self.name, "failed", "It passes now.", f"Remove {self.name!r} from known_failures."
            )
        return Finding(self.subject, self.name, outcome, why, self.remedy if outcome == "failed" else "")

    def _outcome(self) -> tuple[Outcome, str]:
        try:
            self.test()
        except SkipTest as skip:
            return "skipped", str(skip)
        except CheckFailed as failed:
            return "failed", str(failed)
        except Exception as error:  # noqa: BLE001 - an error of a plugin is a finding about it
            return "failed", f"{type(error).__name__}: {error}"
        return "passed", self.demands

    def __str__(self) -> str:
        """Return the check's id in pytest."""
        return f"{self.subject.replace(' ', '-')}-{self.name}"


class Findings(list[Finding]):
    """The results of checks; `print` shows a table, `pandas.DataFrame` takes it."""

    @property
    def ok(self) -> bool:
        """Whether nothing failed and at least one check passed."""
        outcomes = {finding.outcome for finding in self}
        return "failed" not in outcomes and "passed" in outcomes

    def count(self, outcome: Any) -> int:
        """Return the number of checks with an outcome."""
        return sum(finding.outcome == outcome for finding in self)

    def __str__(self) -> str:
        """Return a line for each check, with the remedy of a failure, and the counts."""
        lines = [" · ".join(part for part in finding if part) for finding in self]
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        """Return the counts in one line."""
        parts = [f"{self.count(outcome)} {outcome}" for outcome in ("passed", "failed", "skipped", "known failure")]
        empty = "" if self.ok or self.count("failed") else " No check could run: that is a failure."
        return ", ".join(part for part in parts if not part.startswith("0 ")) + "." + empty


def bind(rules: Sequence[Rule[Bench]], subject: str, known_failures: Mapping[str, str], bench: Bench) -> list[Check]:
    """Return the rules as checks of one subject."""
    names = [rule.name for rule in rules]
    checks = [
        Check(
            subject, rule.name, rule.demands, rule.remedy, known_failures.get(rule.name),
            lambda rule=rule: rule.test(bench),  # type: ignore[misc]
        )
        for rule in rules
    ]  # fmt: skip
    unknown = [name for name in known_failures if name not in names]
    if unknown:
        checks.append(_unknown(subject, unknown, names))
    return checks


def _unknown(subject: str, unknown: Sequence[str], names: Sequence[str]) -> Check:
    def fail() -> None:
        raise CheckFailed(f"known_failures names {unknown}, which are no checks of it.")

    return Check(subject, "known_failures", "known_failures names checks.", f"Known: {', '.join(names)}.", None, fail)
