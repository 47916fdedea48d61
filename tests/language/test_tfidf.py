"""The baseline of text classification: its accuracy, and saving without pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness import Unsupported
from harness_language._tfidf import TfidfLearner
from harness_language.tasks import TextClassification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness import Assignment, Model
    from harness_language.data import TextClassificationData


def test_its_accuracy_on_the_topics(assign: Callable[..., Assignment]) -> None:
    """About 0.85, in one step."""
    data = TextClassification().data(None, {})
    learner = TfidfLearner(assign("tfidf", data))
    progress = learner.step()
    accuracy = np.mean(data.evaluate(learner.predict, 256).scores["correct"])

    assert progress.done
    assert progress.consumed == {"samples": data.sizes["train"]}
    assert 0.82 < accuracy < 0.90


def test_it_is_saved_without_pickle_and_predicts_the_same(
    three: TextClassificationData, assign: Callable[..., Assignment], tmp_path: Path
) -> None:
    """Words as JSON, numbers as safetensors; a loaded and a retrained learner are equal to the bit."""
    learner, again = (
        TfidfLearner(assign("tfidf", three, settings={"ngrams": 2, "min_documents": 2})) for _ in range(2)
    )
    learner.step(), again.step()
    learner.save(tmp_path)
    loaded = TfidfLearner(assign("tfidf", three, settings={"ngrams": 2}))
    loaded.load(tmp_path)
    answers = loaded.predict(three.queries())

    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocabulary.json", "weights.safetensors"]
    assert np.array_equal(answers, learner.predict(three.queries()))
    assert np.array_equal(answers, again.predict(three.queries()))
    assert np.shape(answers) == (three.sizes["test"], 3)
    assert loaded.parameters() == learner.parameters()


def test_two_classes_have_two_columns(two: TextClassificationData, assign: Callable[..., Assignment]) -> None:
    """Of one row of coefficients."""
    learner = TfidfLearner(assign("tfidf", two))

    assert learner.parameters() is None
    learner.step()
    answers = np.asarray(learner.predict(two.queries()))
    assert answers.shape == (two.sizes["test"], 2)
    assert answers.sum(axis=1) == pytest.approx(np.ones(len(answers)))


def test_it_has_no_network_to_export(
    three: TextClassificationData, assign: Callable[..., Assignment], models: Mapping[str, Model], tmp_path: Path
) -> None:
    """An export and a codec are unsupported."""
    with pytest.raises(Unsupported, match="no torch module"):
        TfidfLearner(assign("tfidf", three)).module()
    with pytest.raises(Unsupported, match="no codec"):
        models["tfidf"].codec(tmp_path)


def test_another_precision_is_unsupported(three: TextClassificationData, assign: Callable[..., Assignment]) -> None:
    """A record must not name a precision that was not used."""
    from dataclasses import replace

    with pytest.raises(Unsupported, match="does not compute in bf16"):
        TfidfLearner(replace(assign("tfidf", three), precision="bf16"))
