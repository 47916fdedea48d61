"""YAML: numbers in every usual form, texts that look like them, and every place that reads it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness.seams import Setting
from harness.settings import filled
from harness.suite import Source, read_value
from harness.yaml_text import dump, load, quotes_wanted

ROOT = Path(__file__).parents[1]
SUITE = "name: toys\nmodels: [counter]\ntasks: [parity]\nbudgets: {finetune: {steps: 2}}\n"


@given(value=st.floats(allow_nan=False))
def test_a_number_as_python_writes_it_is_that_number(value: float) -> None:
    """5e-05 among them, which YAML 1.1 reads as a text."""
    if math.isinf(value):
        assert load(f"{'-' if value < 0 else ''}.inf") == value
        return
    assert load(repr(value)) == value
    assert load(f"{value:e}") == pytest.approx(value, rel=1e-6)
    assert load(f"{value:E}") == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("5e-05", 5e-5), ("1E5", 1e5), ("+1e6", 1e6), ("1.e2", 100.0), (".5", 0.5), ("1_000.5", 1000.5),
     ("010", 10), ("-007", -7), ("1_000", 1000), ("0x1F", 31), ("0o17", 15), ("0b11", 3), ("2024", 2024)],
)  # fmt: skip
def test_numbers_are_numbers(text: str, value: float) -> None:
    """A leading zero makes no octal number."""
    assert load(f"key: {text}") == {"key": value}
    assert type(load(text)) is type(value)
    assert read_value(text) == value


@pytest.mark.parametrize(
    "text", ["1:30", "1e", "e3", "0x", "1.2.3", "1-2", "\uff11", "1e3m", "'1e3'", "inf", "_1", "."]
)
def test_what_is_no_number_is_a_text(text: str) -> None:
    """A time of day too."""
    assert load(text) == text.strip("'")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.dates() | st.text()
ODD = st.sampled_from(["1e3", "010", "1:30", "no", "on", "2024-01-01", "", "~", "0o7", "1_0", ".5", "null", "5e-05"])


@given(body=st.dictionaries(ODD | st.text(max_size=3), SCALARS | ODD | st.lists(SCALARS | ODD, max_size=3), max_size=4))
def test_what_is_written_is_read_back(body: dict[str, Any]) -> None:
    """Texts that look like numbers get quotes, numbers none."""
    assert repr(load(dump(body))) == repr(body)


def test_faults_of_yaml_are_its_errors() -> None:
    """A key that is there twice, a day that does not exist."""
    for text in ("a: 1\na: 2", "a: 2026-02-30", "[" * 3, "? [1]\n: 2", "&a [*a]"):
        with pytest.raises(yaml.YAMLError):
            load(text)


# Where YAML is read -----------------------------------------------------------------------------------------


def test_nothing_else_loads_or_writes_yaml() -> None:
    """One module says what a number is."""
    calls = re.compile(r"yaml\.(\w*load\w*|\w*dump\w*|compose\w*|\w*Loader|\w*Dumper)\b")
    sources = [path for part in ("harness", "plugins", "reports", "dashboards") for path in (ROOT / part).rglob("*.py")]
    users = [path.name for path in sources if calls.search(path.read_text(encoding="utf-8"))]

    assert users == ["yaml_text.py"]


FLOAT, INT, TEXT = Setting(5e-5, "A rate."), Setting(100, "A number."), Setting("text", "A column.")


@pytest.mark.parametrize("text", ["1e-3", "5e-05", "1E-5", ".001", "1"])
def test_a_setting_takes_numbers_in_every_form(text: str) -> None:
    """Also the one that its own error shows."""
    assert filled(load(f"rate: {text}"), {"rate": FLOAT}) == {"rate": float(text)}
    with pytest.raises(SuiteError, match="rate is 'fast': give a float, like 5e-05") as caught:
        filled({"rate": "fast"}, {"rate": FLOAT})
    shown = str(caught.value).rsplit(" ", 1)[1].rstrip(".")
    assert filled(load(f"rate: {shown}"), {"rate": FLOAT}) == {"rate": 5e-5}


@pytest.mark.parametrize("setting", [FLOAT, INT, TEXT, Setting((1, 2), "A list."), Setting(True, "A choice.")])
def test_what_a_remedy_shows_is_taken(setting: Setting) -> None:
    """In the form of a suite."""
    with pytest.raises(SuiteError) as caught:
        filled({"it": {}}, {"it": setting})
    shown = re.search(r"give (?:.* like )?(\S.*?)(?: or false)?\.$", str(caught.value))
    assert shown is not None

    filled(load(f"it: {shown[1]}"), {"it": setting})


def test_a_whole_number_may_have_an_exponent() -> None:
    """1e3 steps are 1000; 1.5 are none."""
    assert filled(load("it: 1e3"), {"it": INT}) == {"it": 1000}
    assert Source("toys.yaml", SUITE.replace("2}", "1e3}")).validate().budgets.finetune.steps == 1000  # type: ignore[union-attr]
    with pytest.raises(SuiteError, match=r"it is 1.5: give an int, like 100"):
        filled({"it": 1.5}, {"it": INT})


@pytest.mark.parametrize(("text", "kind"), [("2024", "a number"), ("1e3", "a number"), ("no", "true or false"),
                                            ("on", "true or false"), ("2026-11-24", "a day")])  # fmt: skip
def test_a_text_that_looks_like_something_else_wants_quotes(text: str, kind: str) -> None:
    """In every place of a suite where a text stands; with quotes it is taken."""
    remedy = f"YAML reads it as {kind}: put it in quotes"
    assert remedy in quotes_wanted(load(text))
    with pytest.raises(SuiteError, match=remedy):
        filled({"column": load(text)}, {"column": TEXT})
    assert filled({"column": load(f'"{text}"')}, {"column": TEXT}) == {"column": text}
    for place in ("name: {}", "models: [{}]", "tasks: [{}]", "hardware: [{}]", "starts: [{}]", "parts: [{}]",
                  "tasks: [{{name: parity, data: x.csv, data_name: {}}}]"):  # fmt: skip
        key = place.split(":")[0]
        lines = [line for line in SUITE.splitlines() if not line.startswith(f"{key}:")]
        with pytest.raises(SuiteError, match=remedy):
            Source("toys.yaml", "\n".join([*lines, place.format(text)])).validate()


def test_on_the_command_line_a_text_needs_no_quotes() -> None:
    """Settings that are texts are taken as they are written; all others are YAML."""
    from harness.choice import settings_of

    declared = {"column": TEXT, "rate": FLOAT, "steps": INT, "free": Setting(None, "Anything.")}
    given = settings_of(["column=010", "rate=1e-3", "steps=1E2", "free=[1e1, no]"], declared)

    assert filled(given, declared) == {"column": "010", "rate": 1e-3, "steps": 100, "free": [10.0, False]}
