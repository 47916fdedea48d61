"""What each figure of a use case means and has to be."""

from __future__ import annotations

import math

import pytest

from harness_reports.business.figure_rules import MARKET, NEEDS


@pytest.mark.parametrize("name", [*NEEDS, *MARKET])
def test_every_figure_says_what_it_means_and_demands(name: str) -> None:
    """What is nonsense for it is refused with its meaning."""
    rule = {**NEEDS, **MARKET}[name]

    assert len(rule.meaning) > 10
    assert not rule.holds(math.nan)
    assert rule.holds(rule.low) != rule.positive or rule.low == -math.inf
    assert any(
        rule.demand.startswith(word) for word in ("a whole number", "a number", "a finite", f"{rule.low:g} or above")
    )
