"""The default texts: reproducible, without overlap, and their metrics."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from harness_language import _docstrings
from harness_language.data import Examples, TextClassificationData
from harness_language.tasks import TextClassification

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture(scope="module")
def topics() -> TextClassificationData:
    """The task's data."""
    return TextClassification().data(None, {})  # type: ignore[return-value]


def test_it_has_eight_classes_in_shares_of_70_10_20(topics: TextClassificationData) -> None:
    """More than 2,500 documents of eight sub-packages of scipy; each split has all classes."""
    total = sum(topics.sizes.values())

    assert total > 2500
    assert len(topics.classes) == 8
    for split, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
        counts = Counter(topics.examples(split).labels)
        assert len(counts) == 8
        assert topics.sizes[split] / total == pytest.approx(share, abs=0.01)


def test_splits_share_no_text(topics: TextClassificationData) -> None:
    """Up to case and white space."""
    counts: Counter[str] = Counter()
    for split in topics.sizes:
        counts.update(" ".join(text.lower().split()) for text in topics.examples(split).inputs)

    assert max(counts.values()) == 1


def test_texts_are_docstrings_of_at_least_forty_characters(topics: TextClassificationData) -> None:
    """A known docstring has its sub-package."""
    shortest = min(len(text) for split in topics.sizes for text in topics.examples(split).inputs)
    topic_of = {
        text.splitlines()[0]: topics.classes[label]
        for split in topics.sizes
        for text, label in zip(*topics.examples(split), strict=True)
    }

    assert shortest >= 40
    assert topic_of["Compute the determinant of a matrix"] == "linalg"


def test_the_random_baseline_is_the_largest_class(topics: TextClassificationData) -> None:
    """Its share is a third of the test split."""
    labels = topics.examples("test").labels

    assert topics.random_baseline()["accuracy"] == max(Counter(labels).values()) / len(labels)
    assert 0.3 < topics.random_baseline()["accuracy"] < 0.4


def test_the_data_depend_on_no_import(topics: TextClassificationData) -> None:
    """A new process has the same digest without importing scipy."""
    program = """
import json, sys
from harness_language.tasks import TextClassification
data = TextClassification().data(None, {})
print(json.dumps([data.digest, data.sizes, "scipy" in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [topics.digest, topics.sizes, False]


def test_its_identity_names_scipys_version_and_the_rule() -> None:
    """Without reading the texts."""
    from importlib.metadata import version

    assert TextClassification().identity(None, {}) == f"scipy {version('scipy')} docstrings, rule {_docstrings.RULE}"


def test_only_definitions_in_public_packages_count(tmp_path: Path) -> None:
    """Not tests, private packages, modules and short docstrings; nested definitions count."""
    long = "This sentence is long enough to say something about it."
    files = {
        "good/mod.py": f'''"""{long} Module."""
class A:
    """{long} Class."""
    def method(self):
        """{long}

        Method.
        """
if True:
    async def conditional():
        """{long} Conditional."""
        def nested():
            """{long} Nested."""
def short():
    """Too short."""
''',
        "good/tests/test_mod.py": f'def test():\n    """{long} Test."""\n',
        "_private/mod.py": f'def f():\n    """{long} Private."""\n',
        "top.py": f'def f():\n    """{long} Top."""\n',
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    docstrings = list(_docstrings.walk(tmp_path))

    assert docstrings == [("good", f"{long} Class."), ("good", f"{long}\n\nMethod.")] + [
        ("good", f"{long} {word}.") for word in ("Conditional", "Nested")
    ]


def test_scores_hold_labels_and_predictions(topics: TextClassificationData) -> None:
    """A model that always predicts class 7 has the accuracy of its share."""
    always = np.eye(8)[[7]]
    scores = topics.evaluate(lambda texts: always.repeat(len(texts), axis=0), batch_size=100).scores

    assert list(scores) == ["correct", "label", "predicted"]
    assert set(scores["predicted"]) == {7.0}
    assert list(scores["label"]) == [float(label) for label in topics.examples("test").labels]
    assert sum(scores["correct"]) == list(scores["label"]).count(7.0)
    assert len(topics.queries()) == topics.sizes["test"]


def _little(classes: int, labels: Sequence[int]) -> TextClassificationData:
    """Return data with the same labels in each split."""
    splits = {name: Examples([f"{name} {n}" for n in range(len(labels))], labels) for name in ("train", "test")}
    return TextClassificationData([str(n) for n in range(classes)], splits)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30), st.integers(0, 99))
def test_macro_f1_is_scikit_learns(pairs: list[tuple[int, int]], seed: int) -> None:
    """Over all texts and over a sample with repetition, without classes that do not occur."""
    labels, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    over = _little(4, labels.tolist()).evaluate(lambda texts: np.eye(4)[predicted], 30).over["macro-F1"]
    sample = np.random.default_rng(seed).integers(0, len(labels), len(labels))
    for rows in (np.arange(len(labels)), sample):
        reference = f1_score(labels[rows], predicted[rows], average="macro", zero_division=0.0)

        assert over(rows) == pytest.approx(reference)


def test_the_random_baseline_of_macro_f1_is_that_of_random_classes(topics: TextClassificationData) -> None:
    """It is above that of the largest class for all texts."""
    labels, baseline = topics.examples("train").labels, topics.random_baseline()["macro-F1"]
    rows = np.arange(topics.sizes["test"])
    generator = np.random.default_rng(0)
    largest = np.eye(8)[[Counter(labels).most_common(1)[0][0]]]
    by_chance = topics.evaluate(lambda texts: np.eye(8)[generator.choice(labels, len(texts))], 64)
    single = topics.evaluate(lambda texts: largest.repeat(len(texts), axis=0), 64)
    random_f1, single_f1 = (grades.over["macro-F1"](rows) for grades in (by_chance, single))

    assert random_f1 == pytest.approx(baseline, abs=0.04)
    assert single_f1 < baseline == pytest.approx(1 / 8, abs=0.01)


def test_outputs_of_the_wrong_shape_are_refused(topics: TextClassificationData) -> None:
    """As those of a model with other classes."""
    with pytest.raises(ValueError, match=r"shape \(10, 3\) instead of \(10, 8\)"):
        topics.evaluate(lambda texts: np.zeros((len(texts), 3)), batch_size=10)


def test_evaluating_the_validation_split_reads_no_test_text(topics: TextClassificationData) -> None:
    """The predictor gets the texts of the split, once each."""
    inputs: list[str] = []

    def predict(texts: list[str]) -> np.ndarray:
        inputs.extend(texts)
        return np.zeros((len(texts), 8))

    topics.evaluate(predict, 64, split="validation")

    assert tuple(inputs) == topics.examples("validation").inputs
