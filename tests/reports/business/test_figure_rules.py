"""The rules of the figures of a use case."""

from __future__ import annotations

import math

import pytest

from harness_reports.business.figure_rules import MARKET, NEEDS


@pytest.mark.parametrize("name", [*NEEDS, *MARKET])
def test_every_figure_has_a_meaning_and_allowed_values(name: str) -> None:
    """NaN never keeps a rule; `low` does unless the rule is positive."""
    rule = {**NEEDS, **MARKET}[name]

    assert len(rule.meaning) > 10
    assert not rule.holds(math.nan)
    assert rule.holds(rule.low) != rule.positive or rule.low == -math.inf
    assert any(
        rule.demand.startswith(word) for word in ("a whole number", "a number", "a finite", f"{rule.low:g} or above")
    )
