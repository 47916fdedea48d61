"""Some of a training split's labels: each class its share, the same for everybody, and more always hold fewer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Unsupported
from harness.errors import SuiteError
from harness.labelled import Examples, LabelledData
from harness.plan import Plan
from harness.plugins import Plugins, load_plugins
from harness.seams import Assignment
from harness.settings import filled
from harness.steps import Job, perform


class Numbers(LabelledData):
    """Numbers with classes."""

    @staticmethod
    def content(one: int) -> bytes:
        """Return the digits."""
        return str(one).encode()


def numbers(labels: list[int], inputs: object = None) -> Numbers:
    """Return data with these training labels."""
    train = Examples(range(len(labels)) if inputs is None else inputs, labels)  # type: ignore[arg-type]
    return Numbers(["a", "b", "c"], {"train": train, "test": Examples([0], [0])}, "accuracy")


@given(labels=st.lists(st.integers(0, 2), min_size=1, max_size=60), data=st.data())
def test_every_class_has_its_share(labels: list[int], data: st.DataObject) -> None:
    """To less than one example; labels stay with their inputs; a larger part holds every smaller one."""
    whole = numbers(labels)
    count = data.draw(st.integers(1, len(labels)))
    part, less = whole.with_labels(count), whole.with_labels(max(1, count - 1))
    chosen = part.examples("train")  # type: ignore[attr-defined]

    assert len(chosen.labels) == part.sizes["train"] == count
    assert [labels[place] for place in chosen.inputs] == list(chosen.labels)
    assert set(less.examples("train").inputs) <= set(chosen.inputs)  # type: ignore[attr-defined]
    for label, size in Counter(labels).items():
        assert abs(Counter(chosen.labels)[label] - size * count / len(labels)) <= 1.5


def test_the_rest_stays_as_it_is() -> None:
    """The test split, the digest and the whole data; an array of inputs stays an array."""
    images = np.arange(12).reshape(6, 2)
    whole = numbers([0, 0, 0, 1, 1, 1], images)
    part = whole.with_labels(2)

    assert part.digest == whole.digest
    assert part.examples("test") == whole.examples("test")  # type: ignore[attr-defined]
    assert whole.sizes["train"] == 6
    assert part.examples("train").inputs.tolist() == [[0, 1], [6, 7]]  # type: ignore[attr-defined]


def test_labels_that_are_not_there_are_refused(toys: Plugins) -> None:
    """More than there are, and of data that has none: the case is not measured, and says why."""
    with pytest.raises(Unsupported, match="7 labels are requested; the training split has 6"):
        numbers([0] * 6).with_labels(7)
    with pytest.raises(Unsupported, match="has no labels to take some of"):
        toys.tasks["parity"].data(None, {"count": 8}).with_labels(1)


def test_a_suite_sets_labels_for_fine_tuning_alone(plan_of: Callable[..., Plan]) -> None:
    """A step is asked for them where they are set, and is the step it was where they are not."""
    budgets = [
        {step.kind: step.spec.get("budget") for step in plan_of(budgets={"finetune": entry}).steps}["finetune"]
        for entry in ({"steps": 2}, {"steps": 2, "labels": 10})
    ]

    assert "labels" not in budgets[0]
    assert budgets[1] == {**budgets[0], "labels": 10}
    with pytest.raises(SuiteError, match="a pretraining reads no labels"):
        plan_of(budgets={"finetune": {"steps": 2}, "pretrain": {"steps": 2, "labels": 10}})


def test_a_fine_tuning_sees_no_more_labels(tmp_path: Path) -> None:
    """The real classifier on real digits: it consumes as many samples as it was allowed labels, and says so."""
    plugins = load_plugins()
    spec = {
        "model": "logistic", "size": "default", "settings": filled({}, plugins.models["logistic"].settings),
        "task": "image-classification", "source": None, "task_settings": {}, "hardware": "cpu", "precision": "fp32",
        "seed": 0,
        "start": "scratch", "budget": {"steps": 1, "labels": 40},
    }  # fmt: skip

    measured = perform(Job("finetune", spec, {}, tmp_path), plugins, lambda _: None)

    assert measured.used["train_items"] == 40
    assert measured.readings["samples"].value == 40


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("text-classification", "tfidf"),
        ("image-classification", "logistic"),
        ("video-classification", "clip-logistic"),
    ],
)
def test_baselines_answer_for_classes_that_they_never_saw(task: str, model: str, count: int, tmp_path: Path) -> None:
    """A column for each class of the task, 0 for the unseen, also after loading; a single class is always answered."""
    plugins = load_plugins()
    fewer = {"clips": 16} if task == "video-classification" else {}
    data = plugins.tasks[task].data(None, filled(fewer, plugins.tasks[task].settings)).with_labels(count)
    declared = plugins.models[model]
    assignment = Assignment("finetune", data, "default", filled({}, declared.settings), "cpu", "fp32", 0)
    learner, loaded = declared.learner(assignment), declared.learner(assignment)
    loss = learner.step().losses["loss"]
    learner.save(tmp_path)
    loaded.load(tmp_path)
    answers = np.asarray(loaded.predict(data.queries()[:5]))
    seen = set(data.examples("train").labels)  # type: ignore[attr-defined]

    assert len(seen) <= count < len(data.classes)  # type: ignore[attr-defined]
    assert answers.shape == (5, len(data.classes))  # type: ignore[attr-defined]
    assert np.allclose(answers.sum(axis=1), 1)
    assert set(np.flatnonzero(answers.any(axis=0))) == seen
    assert (loss == 0) is (count == 1)


@pytest.mark.parametrize(
    ("row", "confidence"),
    [
        ([0.7, 0.2, 0.1], 0.7), ([0.7, 0.205, 0.1], 0.7), ([500.0, -3.0, -3.0], None), ([-0.1, 0.6, 0.5], None),
        ([0.9, 0.8, 0.7], None), ([1.0, 0.0, 0.0], None),
    ],
)  # fmt: skip
def test_confidence_is_a_probability_or_left_out(row: list[float], confidence: float | None) -> None:
    """Logits and scores that do not add up to 1 are graded alike, and are no confidence."""
    grades = numbers([0, 1]).evaluate(lambda inputs: [row] * len(inputs), 4)

    assert grades.scores["predicted"] == [float(np.argmax(row))]
    assert grades.answers.get("confidence") == (None if confidence is None else [confidence])
