"""What a change of one line makes to be done again: every step whose result it can change, and no other.

The lines are those of the packages under test; a change is planted while the planner reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.basis import Bases, unversioned
from harness.plan import Plan, Step, make_plan
from harness.plugins import Plugins, load_plugins
from harness.suite import read_suite

Touches = Callable[[Step], bool]


def tasks(*names: str) -> Touches:
    """Return whether a step's task is among the names, with or without `-source`."""
    return lambda step: step.spec["task"].removesuffix("-source") in names


def models(*names: str) -> Touches:
    """Return whether a step's model is among the names."""
    return lambda step: step.spec["model"] in names


def kinds(*names: str) -> Touches:
    """Return whether a step is of these kinds."""
    return lambda step: step.kind in names


def runtime(name: str) -> Touches:
    """Return whether a step runs in, or exports for, a runtime."""
    return lambda step: step.spec.get("runtime") == name


def either(*ways: Touches) -> Touches:
    """Return whether one of several ways touches a step."""
    return lambda step: any(touches(step) for touches in ways)


def everything(_: Step) -> bool:
    """Return True."""
    return True


CONTROL = tasks(
    "CartPole-v1", "LunarLander-v3", "InvertedPendulum-v5", "Reacher-v5", "FrozenLakes-v0", "highway-fast-v0"
)
NETWORKS = models("mlp", "lstm", "bert", "gpt", "t5", "pixel-mlp", "resnet", "efficientnet", "vit", "centernet",
                  "rt-detr", "dcgan", "conv3d", "videomae")  # fmt: skip


class Change(NamedTuple):
    """A line that decides results, what it becomes, and whose results it can change."""

    module: str
    line: str
    becomes: str
    touches: Touches


TEXTS = (
    "text-classification", "language-modelling", "question-answering", "translation", "information-extraction",
    "summarization", "open-answers",
)  # fmt: skip
CHANGES: Mapping[str, Change] = {
    "which answers are correct": Change(
        "harness.labelled",
        "guess == label for",
        "guess != label for",
        tasks("text-classification", "image-classification", "video-classification", "image-generation"),
    ),
    "mean of a column": Change(
        "harness.grading",
        "float(sum(column) / len(column))",
        "float(sum(column))",
        kinds("pretrain", "finetune"),
    ),
    "bootstrap": Change("harness.grading", "REPLICATES = 400", "REPLICATES = 401", kinds("evaluate")),
    "seed of the libraries": Change(
        "harness.environment", "torch.manual_seed(seed)", "torch.manual_seed(seed + 1)", everything
    ),
    "when training stops": Change(
        "harness.training", "training.steps >= budget.steps", "training.steps > budget.steps", everything
    ),
    "load": Change("harness.measure.loadgen", "HEADROOM = 1.1", "HEADROOM = 1.2", kinds("serve")),
    "loss of a network": Change(
        "harness.torch_learner", "self.accelerator.backward(value)", "self.accelerator.backward(-value)", NETWORKS
    ),
    "interface": Change(
        "harness.seams.model", "check_every_steps: int = 50", "check_every_steps: int = 51", everything
    ),
    "split of texts": Change("harness_language._splits", "SEED = 20261123", "SEED = 20261124", tasks(*TEXTS)),
    "tokens": Change(
        "harness_language._tokens",
        "functional.cross_entropy(logits, labels)",
        "functional.mse_loss(logits, labels)",
        models("mlp", "lstm", "bert", "gpt", "t5"),
    ),
    "cheap baseline": Change("harness_language._tfidf", "max_iter=1000", "max_iter=10", models("tfidf")),
    "masked words": Change("harness_language._bert", "MASKED = 0.15", "MASKED = 0.5", models("bert")),
    "questions": Change("harness_language._phrases", "RULE = ", "RULE = 10 + ", tasks("translation")),
    "precision of boxes": Change(
        "harness_vision._coco", "float(total / (", "float(2 * total / (", tasks("object-detection")
    ),
    "distance of drawings": Change(
        "harness_vision._frechet", "max(0.0, self.value", "max(1.0, self.value", tasks("image-generation")
    ),
    "scenes": Change("harness_vision._scenes", "SEED = 20261124", "SEED = 20261125", tasks("object-detection")),
    "worlds": Change("harness_control.worlds", "baseline_episodes: int = 200", "baseline_episodes: int = 9", CONTROL),
    "episodes": Change("harness_control._game", '"test": 100', '"test": 10', CONTROL),
    "q-learning": Change("harness_control._dqn", "STRETCH = 16", "STRETCH = 8", models("dqn")),
    "export": Change("harness_hardware._onnx_export", "EXAMPLE_BATCH = 2", "EXAMPLE_BATCH = 3", runtime("onnxruntime")),
    "eager": Change("harness_hardware.runtimes", "return learner.predict", "return None", runtime("eager")),
    "processor time": Change("harness.measure.meters", "time.process_time", "time.perf_counter", everything),
}
HARMLESS: Mapping[str, tuple[str, str, str]] = {
    "a comment": ("harness.labelled", "    def keys(self", "    # as people see it\n    def keys(self"),
    "a docstring": ("harness_language._bert", '    """Return ', '    """Give '),
    "formatting": ("harness_control._dqn", "STRETCH = 16", "STRETCH   =  (16)"),
    "a report": ("harness_reports.business.verdict", "from __future__ import annotations", "DECISIVE = 0"),
    "the command line": ("harness.cli", "no_args_is_help=True", "no_args_is_help=False"),
    "the screen": ("harness.screen", "REFRESH_PER_S = 1.0", "REFRESH_PER_S = 2.0"),
    "the store": ("harness.store", "NEEDED_BYTES = 256", "NEEDED_BYTES = 512"),
    "use cases": ("harness.facts", "from __future__ import annotations", "OTHER = 0"),
    "a list of models": ("harness_language", "return [Tfidf(), Mlp()", "return [Mlp(), Tfidf()"),
}


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """Return the installed plugins."""
    return load_plugins()


@pytest.fixture(scope="module")
def standard(plugins: Plugins) -> Plan:
    """Return the plan of the suite `standard`."""
    return _plan(plugins)


def _plan(plugins: Plugins) -> Plan:
    suite, source = read_suite("standard")
    return make_plan(suite, source, plugins)


def _touched(plan: Plan, touches: Touches) -> set[str]:
    """Return the titles of the steps that a change affects, directly or through their inputs."""
    fingerprints: set[str] = set()
    for step in plan.steps:
        if touches(step) or fingerprints & set(step.inputs.values()):
            fingerprints.add(step.fingerprint)
    return {step.fingerprint for step in plan.steps if step.fingerprint in fingerprints}


SECOND = (
    "bootstrap", "cheap baseline", "masked words", "questions", "precision of boxes", "distance of drawings", "worlds",
    "q-learning", "eager",
)  # fmt: skip
"""Lines of a package of which another line is changed by default."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SECOND else []) for name in CHANGES]
)
def test_a_line_that_decides_results_makes_its_steps_pending(
    name: str, standard: Plan, plugins: Plugins, plant: Callable[..., None]
) -> None:
    """All of them, and no step whose model and task do not reach the line."""
    module, line, becomes, touches = CHANGES[name]
    plant(module, line, becomes)
    after = _plan(plugins)
    pending = {step.fingerprint for step in standard.steps} - {step.fingerprint for step in after.steps}
    titles = {step.fingerprint: step.title for step in standard.steps}
    wanted = _touched(standard, touches)

    assert {titles[each] for each in pending - wanted} == set(), "nothing that cannot change may be done again"
    assert {titles[each] for each in wanted - pending} == set(), "nothing that can change may stay done"
    assert pending


@pytest.mark.parametrize("name", HARMLESS)
def test_what_decides_no_result_makes_nothing_pending(
    name: str, standard: Plan, plugins: Plugins, plant: Callable[..., None]
) -> None:
    """Comments, docstrings, formatting, reports, screens and lists do not affect measurements."""
    plant(*HARMLESS[name])
    after = _plan(plugins)

    assert [step.fingerprint for step in after.steps] == [step.fingerprint for step in standard.steps]


UNRELATED = """
import harness

@harness.hookimpl
def harness_preload():
    return ["yaml", "sqlite3"]
"""


def test_an_unrelated_plugin_makes_nothing_pending(standard: Plan, tmp_path: Path) -> None:
    """Not even a plugin that loads its own libraries for all steps."""
    file = tmp_path / "unrelated.py"
    file.write_text(UNRELATED, encoding="utf-8")
    after = _plan(load_plugins([str(file)]))

    assert [step.fingerprint for step in after.steps] == [step.fingerprint for step in standard.steps]


def test_a_module_of_ones_own_that_is_only_imported_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No source names it, but the step's process has imported it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    helper, file = tmp_path / "heavy_helper.py", tmp_path / "importing.py"
    file.write_text(IMPORTING, encoding="utf-8")
    digests = []
    for text in ("N = 1\n", "N = 2\n"):
        helper.write_text(text, encoding="utf-8")
        digests.append(Bases(load_plugins([str(file)])).closure("model", "importing").modules["heavy_helper"])

    assert digests[0] != digests[1]


IMPORTING = """
import harness

class Importing(harness.Model):
    name, summary, kinds, imports = "importing", "Imports", ("text-classification",), ("heavy_helper",)

    def learner(self, assignment):
        raise NotImplementedError

@harness.hookimpl
def harness_models():
    return [Importing()]
"""


@pytest.mark.parametrize(
    ("task", "libraries"),
    [
        ("text-classification", {"numpy", "scipy"}),
        ("question-answering", {"scipy", "scikit-learn", "pandas"}),
        ("translation", {"babel", "sacrebleu"}),
        ("information-extraction", {"jsonschema", "scipy", "scikit-learn", "pandas"}),
        ("summarization", {"rouge_score", "sacrebleu", "scipy", "scikit-learn", "pandas"}),
        ("open-answers", {"scipy", "scikit-learn"}),
        ("object-detection", {"mlxtend", "pycocotools", "scikit-image"}),
        ("image-generation", {"scipy", "mlxtend", "torch"}),
        ("LunarLander-v3", {"gymnasium", "Box2D"}),
        ("Reacher-v5", {"gymnasium", "mujoco"}),
        ("highway-fast-v0", {"highway-env"}),
    ],
)
def test_the_libraries_that_compute_a_tasks_scores_are_covered(task: str, libraries: set[str], standard: Plan) -> None:
    """Those of this task, not those of others."""
    step = next(step for step in standard.steps if step.kind == "evaluate" and step.spec["task"] == task)
    covered = step.basis["libraries"]["task"]

    assert libraries <= set(covered)
    assert not {"mujoco", "Box2D", "pycocotools", "sacrebleu"} - libraries & set(covered)


def test_an_identity_names_no_library_that_is_not_covered(standard: Plan) -> None:
    """Without the versions, the identity is that of the data."""
    left = {unversioned("data", step.basis) for step in standard.steps}

    assert [text for text in left if re.search(r"[a-z] \d+\.\d", text)] == []
    assert any('"gravity": 12.0' in text for text in left)


def test_the_libraries_that_a_model_computes_with_are_covered(standard: Plan) -> None:
    """Those that its sources import, and their own libraries."""
    libraries = {step.spec["model"]: set(step.basis["libraries"]["model"]) for step in standard.steps}

    assert {"scikit-learn", "scipy"} <= libraries["tfidf"] & libraries["logistic"]
    assert {"torch", "transformers", "tokenizers", "accelerate"} <= libraries["bert"]
    assert {"torch", "stable_baselines3", "gymnasium"} <= libraries["ppo"]
    assert not {"torch", "transformers", "stable_baselines3"} & (libraries["tfidf"] | libraries["rule"])


def test_threads_and_python_are_covered(plugins: Plugins, standard: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """They change times, and the last bits of sums."""
    before = {step.fingerprint for step in standard.steps}
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    threads = {step.fingerprint for step in _plan(plugins).steps}
    monkeypatch.undo()
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    python = {step.fingerprint for step in _plan(plugins).steps}

    assert not before & threads
    assert not before & python
