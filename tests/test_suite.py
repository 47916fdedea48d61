"""Suite files: the error for a typo gives the line, the nearest valid name and all names."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import SuiteError
from harness.plan import make_plan
from harness.plugins import Plugins
from harness.suite import Source, read_suite
from harness.torch_learner import seed_everything

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
        "line 10: Unknown scenario 'Offine'. Did you mean 'Offline'? Known: ClosedLoop, MultiStream, Offline, Server,",
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
    "a seed that is none": (GOOD + "seeds: [0, yes]\n", "line 10: seeds.1: a number is asked for, and YAML reads"),
    "a seed of 74 bits": (GOOD + "seeds: [12345678901234567890123]\n", "a whole number from 0 to 4294967295"),
    "a negative seed": (GOOD + "seeds: [-1]\n", "-1 is no seed"),
    "no processes": (GOOD.replace("{steps: 2}", "{steps: 2, processes: 0}"), "line 9: budgets.finetune.processes"),
    "true steps": (GOOD.replace("{steps: 2}", "{steps: true}"), "line 9: budgets.finetune.steps: a number is asked"),
    "true seconds": (GOOD + "serve: {seconds: on}\n", "line 10: serve.seconds: a number is asked for"),
    "a true limit": (GOOD + "limits: {memory_gb: yes}\n", "line 10: limits.memory_gb: a number is asked for"),
    "a limit that is none": (GOOD + "limits: {time_s: .nan}\n", "limits.time_s: Input should be a finite number"),
    "a true batch": (GOOD + "batch_sizes: [yes]\n", "line 10: batch_sizes.0: a number is asked for"),
    "no batch": (GOOD + "batch_sizes: [0]\n", "line 10: batch_sizes.0: Input should be greater than 0"),
    "a true rule": (GOOD + "exclude: [{seed: yes}]\n", "line 10: exclude: seed is True, and no case has that"),
    "a list in itself": (GOOD + "seeds: &a [*a]\n", "line 10: what begins here holds itself by an alias"),
    "a model in itself": (
        GOOD.replace("name: guess", "&a {name: guess, settings: *a}"),
        "line 4: what begins here holds itself",
    ),
    "rule's key": (GOOD + "exclude: [{modle: guess}]\n", "Unknown key 'modle'. Did you mean 'model'?"),
    "a rule's model": (GOOD + "exclude: [{model: gues}]\n", "line 10: Unknown model 'gues'. Did you mean 'guess'?"),
    "a rule's names": (GOOD + "include: [{model: guess, task: [pariti]}]\n", "Unknown task 'pariti'. Did you mean"),
    "a rule's start": (GOOD + "exclude: [{start: as_is}]\n", "line 10: Unknown start 'as_is'. Did you mean 'as-is'?"),
    "a rule that is none": (GOOD + "exclude: [guess]\n", "exclude.0 is 'guess'. Write a mapping: {model: guess}."),
    "a precision": (GOOD + "precisions: [fp33]\n", "line 10: Unknown precision 'fp33'. Did you mean 'fp32'?"),
    "a start": (
        GOOD + "starts: [as_is]\n",
        "line 10: starts.0 is 'as_is'. Unknown start 'as_is'. Did you mean 'as-is'?",
    ),
    "no list": (GOOD.replace("[parity]", "parity"), "line 5: tasks is 'parity'. Write a list: [parity]."),
    "a number for a list": (GOOD + "batch_sizes: 8\n", "line 10: batch_sizes is 8. Write a list: [8]."),
    "a mapping for a list": (GOOD.replace("[parity]", "{parity: 1}"), "Write a list: [parity]."),
    "a number for a mapping": (
        GOOD.replace("\n  finetune: {steps: 2}", " 10"),
        "line 8: budgets is 10. Write a mapping with keys of these: pretrain, finetune, spend_usd.",
    ),
    "no for a mapping": (
        GOOD + "evaluate: no\n",
        "evaluate is False. Write a mapping with keys of these: validation, max_items.",
    ),
    "a number for settings": (GOOD.replace("name: guess", "{name: guess, settings: 3}"), "a mapping: {NAME: VALUE}."),
    "a word for a number": (GOOD + "batch_sizes: [many]\n", "line 10: batch_sizes.0 is 'many'. Give a whole number."),
    "a rate": (GOOD + "serve: {rates: 2}\n", "line 10: serve.rates is 2. Write a list: [2]."),
    "no rate": (GOOD + "serve: {rates: [0]}\n", "line 10: serve.rates.0: Input should be greater than 0."),
    "more requests than are kept": (
        GOOD + "serve: {rates: [10, 300000], seconds: 60}\n",
        "line 10: serve: 18,000,000 requests in a run, of 60 seconds at the highest of the rates; at most 1,000,000",
    ),
    "more queries than are kept": (
        GOOD + "serve: {queries: 1000000000}\n",
        "line 10: serve.queries: Input should be less than or equal to 1000000.",
    ),
    "arrivals without a rate": (
        GOOD + "scenarios: [Offline, Server]\n",
        "line 10: Server needs arrival rates, or limits to search the highest rate that keeps them. Set `serve:",
    ),
    "all of 100": (GOOD + "serve: {percentile: 100}\n", "line 10: serve.percentile: Input should be less than 100."),
    "a limit's key": (
        GOOD + "serve: {limits: {latency: 1}}\n",
        "line 10: Unknown key 'latency'. Did you mean 'latency_s'? Known: first_token_s, latency_s, per_token_s.",
    ),
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


def test_only_what_is_trained_needs_a_budget(toys: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite without budgets is a plan where no step trains, and else refused with the model's name."""
    bare = GOOD[: GOOD.index("budgets:")]
    with pytest.raises(
        SuiteError, match=r"No budget for fine-tuning counter. Set `budgets: {finetune: {steps: …}}` in"
    ):
        _plan(f"{bare}starts: [as-is]\n", toys)

    for model in ("counter", "guess"):
        monkeypatch.setattr(type(toys.models[model]), "starts", ("as-is", "scratch"))
    plan = _plan(f"{bare}starts: [as-is]\n", toys)
    assert {step.kind for step in plan.steps} == {"evaluate", "serve"}


def test_a_wrong_item_is_one_fault() -> None:
    """The list is not called empty as well."""
    with pytest.raises(SuiteError) as caught:
        Source("toys.yaml", GOOD + "seeds: [-1]\n").validate()

    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_every_library_takes_the_seeds_that_are_allowed(seed: int) -> None:
    """The smallest and the largest one."""
    suite = Source("toys.yaml", f"{GOOD}seeds: [{seed}]\n").validate()

    seed_everything(suite.seeds[0])
    assert np.random.default_rng(seed).random() >= 0


def test_aliases_cannot_fill_the_memory() -> None:
    """Ten short lines that stand for over a billion values; modest aliases are read."""
    names = "abcdefghij"
    more = [f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]" for before, one in pairwise(names)]
    with pytest.raises(SuiteError, match=r"line 1\d: its aliases stand for more than 100,000 values"):
        Source("toys.yaml", "\n".join([GOOD + "a: &a [0, 1, 2]", *more]))

    rules = Source("toys.yaml", GOOD + "exclude: [&one {task: parity}, *one]\n").validate().exclude
    assert rules == ({"task": "parity"}, {"task": "parity"})


def test_all_faults_are_told_at_once(toys: Plugins) -> None:
    """Two typos are two sentences, not two runs."""
    with pytest.raises(SuiteError) as caught:
        _plan(GOOD.replace("tasks:", "taks:").replace("hardware:", "hardwear:"), toys)

    assert "'taks'" in str(caught.value)
    assert "'hardwear'" in str(caught.value)


def test_all_unknown_names_are_told_at_once(toys: Plugins) -> None:
    """A line for each, also where hardware and runtimes are unknown."""
    faulty = GOOD.replace("counter", "conter").replace("[parity]", "[party]").replace("[here]", "[her]")
    with pytest.raises(SuiteError) as caught:
        _plan(f"{faulty}exclude: [{{runtime: plan}}]\n", toys)

    assert [line.partition("?")[0].rpartition(" ")[2] for line in str(caught.value).splitlines()] == [
        "'here'", "'counter'", "'parity'", "'plain'",
    ]  # fmt: skip


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
