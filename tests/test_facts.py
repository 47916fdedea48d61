"""Facts are dated and sourced, or they are refused; errors say what, whose and what to do."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import errors
from harness.errors import FactError, HarnessError, unknown
from harness.facts import Price

GOOD: dict[str, Any] = {
    "item": "toy",
    "usd": Decimal("0.05"),
    "per": "hour",
    "provider": "P",
    "offer": "o.large",
    "region": "r",
    "as_of": date(2026, 11, 23),
    "as_of_note": "",
    "source": "a page",
}


def test_a_price_with_everything_is_a_price() -> None:
    """Money is Decimal, to the cent of a cent."""
    assert Price(**GOOD).usd * 3 == Decimal("0.15")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"as_of": None}, "has no date. Add `as_of`"),
        ({"as_of": "yesterday"}, "has no date"),
        ({"source": ""}, "has no source. Add `source`"),
        ({"usd": Decimal(0)}, "Give a positive amount"),
        ({"usd": Decimal(-1)}, "Give a positive amount"),
        ({"usd": Decimal("NaN")}, "Give a positive amount"),
        ({"usd": Decimal("Infinity")}, "Give a positive amount"),
        ({"billing": "seconds"}, "Unknown billing 'seconds'. Did you mean 'second'?"),
        ({"energy": None}, "Unknown energy 'None'. Known: excluded, included."),
    ],
)
def test_a_price_without_date_source_or_valid_terms_is_refused(change: dict[str, Any], sentence: str) -> None:
    """The message names the item, the provider and the offer."""
    with pytest.raises(FactError) as caught:
        Price(**GOOD | change)

    assert sentence in str(caught.value)
    assert "'toy' (P o.large)" in str(caught.value)


def test_terms_of_an_offer() -> None:
    """A machine is paid as a whole, energy included, unless the price says otherwise."""
    plain, serverless = Price(**GOOD), Price(**GOOD, billing="second", energy="excluded")

    assert (plain.billing, plain.energy) == ("machine", "included")
    assert (serverless.billing, serverless.energy) == ("second", "excluded")


@given(st.lists(st.text(min_size=1, max_size=12), max_size=6), st.text(max_size=12))
def test_an_unknown_name_is_always_answered_with_the_list(choices: list[str], name: str) -> None:
    """Whatever was typed, the sentence holds every name, and suggests only one of them."""
    sentence = unknown("thing", name, choices)

    assert sentence.startswith(f"Unknown thing {name!r}.")
    assert all(other in sentence for other in choices)
    if "Did you mean " in sentence:
        assert any(f"Did you mean {other!r}?" in sentence for other in choices)


def test_no_names_are_told_as_none() -> None:
    """An empty list is not an empty sentence."""
    assert unknown("model", "x", []) == "Unknown model 'x'. Known: none."


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    """Every error of the module stands in its docstring and ends with exit code 2."""
    classes = {
        name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, HarnessError)
    }

    assert len(classes) == 7
    for name, kind in classes.items():
        assert name in str(errors.__doc__)
        assert kind.exit_code == 2
