"""T5 for question answering: it reads a question with its context and generates the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import Assignment, Budget
from harness.settings import filled
from harness_language._parameters import Question
from harness_language.models import T5
from harness_language.questions import QuestionData

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Learner

HOUSES = [
    ("Which town is house 1 in?", "House 1 is in Bern. It is red.", "Bern"),
    ("Which colour has house 1?", "House 1 is in Bern. It is red.", "red"),
    ("Which town is house 2 in?", "House 2 is in Rome, for 30 years.", "Rome"),
    ("How long is it there?", "House 2 is in Rome, for 30 years.", "30 years"),
]


@pytest.fixture(scope="module")
def houses() -> QuestionData:
    """Return four questions, the same in each split."""
    questions = [Question(question, context, context.index(answer), context.index(answer) + len(answer), ("no town",))
             for question, context, answer in HOUSES]  # fmt: skip
    return QuestionData(dict.fromkeys(("train", "validation", "test"), questions))


def build(data: QuestionData, **changes: Any) -> Learner:
    """Return a small learner."""
    small = {"pieces": 20, "max_length": 96, "max_new_tokens": 12, "batch_size": 4}
    settings = filled(small | changes, T5.settings)
    return T5().learner(Assignment("finetune", data, "tiny", settings, "cpu", "fp32", 3, Budget(steps=50)))


@pytest.fixture(scope="module")
def reader(houses: QuestionData) -> Learner:
    """Return a learner that has memorised the four."""
    learner = build(houses)
    for _ in range(50):
        learner.step()
    return learner


def test_it_generates_the_training_answers(houses: QuestionData, reader: Learner) -> None:
    """Of several correct ones, that in the context."""
    scores = houses.evaluate(reader.predict, 3).scores

    assert list(reader.predict(houses.queries())) == [answer for _, _, answer in HOUSES]
    assert scores["exact"] == scores["f1"] == [1.0] * 4
    assert houses.work(reader.predict(houses.queries())) == {"output_tokens": 5}


def test_the_first_token_starts_the_answer(houses: QuestionData, reader: Learner) -> None:
    """It can be predicted alone."""
    predict_first = reader.first()
    assert predict_first is not None
    tokens = list(predict_first(houses.queries()))

    assert all(answer.startswith(piece) for piece, (_, _, answer) in zip(tokens, HOUSES, strict=True))
    assert tokens != list(reader.predict(houses.queries()))


def test_a_loaded_learner_predicts_the_same(houses: QuestionData, reader: Learner, tmp_path: Path) -> None:
    """And the artifact's codec encodes the same."""
    reader.save(tmp_path)
    loaded = build(houses, pieces=3, max_length=9, max_new_tokens=2)
    loaded.load(tmp_path)
    ours, again = (codec.encode(houses.queries()) for codec in (reader.codec(), T5().codec(tmp_path)))  # type: ignore[attr-defined]

    assert list(loaded.predict(houses.queries())) == list(reader.predict(houses.queries()))
    assert ours.keys() == again.keys()
    assert all(np.array_equal(array, again[name]) for name, array in ours.items())


def test_a_long_context_is_truncated_and_the_question_is_not(houses: QuestionData, reader: Learner) -> None:
    """The question is first, and the tokenizer is trained on questions too."""
    codec: Any = reader.codec()  # type: ignore[attr-defined]
    question = HOUSES[3][0]
    (ids,) = codec.encode([{"question": question, "context": "It is red. " * 500}])["input_ids"].tolist()

    assert len(ids) == 96
    assert f" {question} " in codec.tokenizer.decode(ids)
    assert question in houses.texts("train")
