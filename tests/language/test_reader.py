"""A T5 that reads a question with its context and writes the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from harness import Assignment, Budget
from harness.plan import filled
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
    """Return four questions, the same in every split."""
    asked = [Question(question, context, context.index(said), context.index(said) + len(said), ("no town",))
             for question, context, said in HOUSES]  # fmt: skip
    return QuestionData(dict.fromkeys(("train", "validation", "test"), asked))


def build(data: QuestionData, **given: Any) -> Learner:
    """Return a small learner."""
    small = {"pieces": 20, "max_length": 96, "max_new_tokens": 12, "batch_size": 4}
    settings = filled(small | given, T5.settings)
    return T5().learner(Assignment("finetune", data, "tiny", settings, "cpu", "fp32", 3, Budget(steps=70)))


@pytest.fixture(scope="module")
def reader(houses: QuestionData) -> Learner:
    """Return one that knows the four by heart."""
    learner = build(houses)
    for _ in range(70):
        learner.step()
    return learner


def test_it_writes_what_it_was_taught(houses: QuestionData, reader: Learner) -> None:
    """Two questions about one context have two answers; of several right ones it learns the one in the context."""
    scores = houses.evaluate(reader.predict, 3)

    assert list(reader.predict(houses.queries())) == [said for _, _, said in HOUSES]
    assert scores["exact"] == scores["f1"] == [1.0] * 4
    assert houses.work(reader.predict(houses.queries())) == {"output_tokens": 5}


def test_the_first_token_begins_the_answer(houses: QuestionData, reader: Learner) -> None:
    """It can be asked for alone."""
    first = reader.first()
    assert first is not None
    begun = list(first(houses.queries()))

    assert all(said.startswith(piece) for piece, (_, _, said) in zip(begun, HOUSES, strict=True))
    assert begun != list(reader.predict(houses.queries()))


def test_saved_and_loaded_it_reads_and_writes_the_same(houses: QuestionData, reader: Learner, tmp_path: Path) -> None:
    """With the codec of the folder alone too, as an exported model is served."""
    reader.save(tmp_path)
    loaded = build(houses, pieces=3, max_length=9, max_new_tokens=2)
    loaded.load(tmp_path)
    ours, again = (codec.encode(houses.queries()) for codec in (reader.codec(), T5().codec(tmp_path)))  # type: ignore[attr-defined]

    assert list(loaded.predict(houses.queries())) == list(reader.predict(houses.queries()))
    assert ours.keys() == again.keys()
    assert all(np.array_equal(array, again[name]) for name, array in ours.items())


def test_a_long_context_is_cut_and_the_question_is_not(houses: QuestionData, reader: Learner) -> None:
    """The question stands first; questions are among the texts that the tokenizer is made from."""
    codec: Any = reader.codec()  # type: ignore[attr-defined]
    question = HOUSES[3][0]
    (ids,) = codec.encode([{"question": question, "context": "It is red. " * 500}])["input_ids"].tolist()

    assert len(ids) == 96
    assert f" {question} " in codec.tokenizer.decode(ids)
    assert question in houses.texts("train")
