"""Suite files: the error for a typo gives the line, the nearest valid name and all names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import SuiteError
from harness.plan import make_plan
from harness.plugins import Plugins
from harness.suite import Source, read_suite

GOOD = """\
name: toys
models:
  - counter
  - name: guess
tasks: [parity]
hardware: [here]
runtimes: [plain]
budgets:
  finetune: {steps: 2}
"""


def _plan(text: str, toys: Plugins) -> Any:
    source = Source("toys.yaml", text)
    return make_plan(source.validate(), source, toys)


FAULTS = {
    "wrong key": (GOOD.replace("tasks:", "taks:"), "line 5: Unknown key 'taks'. Did you mean 'tasks'?"),
    "wrong key below": (GOOD.replace("{steps: 2}", "{setps: 2}"), "line 9: Unknown key 'setps'. Did you mean 'steps'?"),
    "key of a model": (GOOD.replace("name: guess", "nam: guess"), "line 4: Unknown key 'nam'. Did you mean 'name'?"),
    "missing key": (GOOD.replace("name: toys\n", ""), "The key 'name' is missing"),
    "key twice": (GOOD + "name: again\n", "line 10: the key 'name' is here twice"),
    "no YAML": (GOOD + "models: [\n", "this is not YAML"),
    "empty": ("", "is empty or no mapping"),
    "a list": ("- a\n- b\n", "is empty or no mapping"),
    "no model": (GOOD.replace("  - counter\n  - name: guess\n", "  []\n"), "line 2: models:"),
    "no limit": (GOOD.replace("{steps: 2}", "{quality: 0.9}"), "set steps, samples or seconds"),
    "negative": (GOOD.replace("{steps: 2}", "{steps: -2}"), "greater than 0"),
    "unknown model": (GOOD.replace("counter", "conter"), "line 3: Unknown model 'conter'. Did you mean 'counter'?"),
    "unknown task": (GOOD.replace("[parity]", "[party]"), "line 5: Unknown task 'party'. Did you mean 'parity'?"),
    "unknown hardware": (GOOD.replace("[here]", "[her]"), "line 6: Unknown hardware 'her'. Did you mean 'here'?"),
    "unknown runtime": (GOOD.replace("[plain]", "[plan]"), "line 7: Unknown runtime 'plan'. Did you mean 'plain'?"),
    "unknown scenario": (
        GOOD + "scenarios: [Offine]\n",
        "line 10: Unknown scenario 'Offine'. Did you mean 'Offline'? Known: Offline, SingleStream.",
    ),
    "unknown size": (GOOD.replace("name: guess", "{name: counter, size: smal}"), "Did you mean 'small'?"),
    "unknown setting": (
        GOOD.replace("name: guess", "{name: counter, settings: {neded: 1}}"),
        "line 4: Unknown setting 'neded'. Did you mean 'needed'?",
    ),
    "setting's type": (GOOD.replace("name: guess", "{name: counter, settings: {needed: many}}"), "give an int, like 3"),
    "setting's choice": (
        GOOD.replace("name: guess", "{name: counter, settings: {fault: hng}}"),
        "Unknown value of fault 'hng'. Did you mean 'hang'?",
    ),
    "rule's key": (GOOD + "exclude: [{modle: guess}]\n", "Unknown key 'modle'. Did you mean 'model'?"),
    "all excluded": (GOOD + "exclude: [{task: parity}]\n", "asks for nothing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_answered_with_its_place_and_the_remedy(fault: str, toys: Plugins) -> None:
    """Each fault is one clear sentence."""
    text, sentence = FAULTS[fault]
    with pytest.raises(SuiteError) as caught:
        _plan(text, toys)

    assert sentence in str(caught.value)
    assert "'toys.yaml'" in str(caught.value)


def test_all_faults_are_told_at_once(toys: Plugins) -> None:
    """Two typos are two sentences, not two runs."""
    with pytest.raises(SuiteError) as caught:
        _plan(GOOD.replace("tasks:", "taks:").replace("hardware:", "hardwear:"), toys)

    assert "'taks'" in str(caught.value)
    assert "'hardwear'" in str(caught.value)


def test_a_suite_is_found_by_name_or_path(tmp_path: Path) -> None:
    """Shipped suites have names, files have paths; anything else is an error."""
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD, encoding="utf-8")

    assert read_suite("quick")[0].name == "quick"
    assert read_suite(str(file))[0].name == "toys"
    with pytest.raises(SuiteError, match=r"Unknown suite 'quik'\. Did you mean 'quick'\?"):
        read_suite("quik")


def test_a_suite_of_parts_has_their_models_and_tasks(tmp_path: Path) -> None:
    """In the order of the parts, its own last; all else is its own."""
    part, whole = tmp_path / "part.yaml", tmp_path / "whole.yaml"
    part.write_text(GOOD + "seeds: [5]\n", encoding="utf-8")
    whole.write_text(f"name: whole\nparts: [{part}]\nmodels: [extra]\nbudgets: {{}}\n", encoding="utf-8")

    suite, _ = read_suite(str(whole))

    assert [entry.name for entry in suite.models] == ["counter", "guess", "extra"]
    assert [entry.name for entry in suite.tasks] == ["parity"]
    assert suite.seeds == (0,)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ("[quik]", "line 2: Unknown suite 'quik'. Did you mean 'quick'?"),
        ("[{path}]", "has parts itself. Name those instead."),
        ("[]", "models: name at least one"),
    ],
)
def test_a_part_that_is_none_is_told_with_its_line(tmp_path: Path, parts: str, sentence: str) -> None:
    """An unknown name, a suite with parts (also itself), no parts."""
    path = tmp_path / "own.yaml"
    path.write_text(f"name: mine\nparts: {parts.format(path=path)}\nbudgets: {{}}\n", encoding="utf-8")

    with pytest.raises(SuiteError) as caught:
        read_suite(str(path))

    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)


def test_broken_text_is_no_crash(tmp_path: Path) -> None:
    """A file that is not UTF-8 is bad input."""
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(SuiteError, match="cannot be read"):
        read_suite(str(file))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_fine(tmp_path: Path, encoding: str) -> None:
    """As Windows writes it."""
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD, encoding=encoding)

    assert read_suite(str(file))[0].name == "toys"


def test_python_objects_in_yaml_are_refused(toys: Plugins) -> None:
    """Only safe YAML is read."""
    with pytest.raises(SuiteError, match="this is not YAML"):
        _plan(GOOD + "description: !!python/object/apply:os.getcwd []\n", toys)
