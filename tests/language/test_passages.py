"""Language modelling: passages and their bits, counts that are probabilities, and a decoder that cannot look ahead."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Assignment, Budget, Unsupported
from harness.plan import filled
from harness_language.models import Gpt, Ngram
from harness_language.passages import LENGTH, PassageData
from harness_language.tasks import LanguageModelling, TextClassification

ALPHABET = "abcdefgh"


@pytest.fixture(scope="module")
def docstrings() -> PassageData:
    """Return the default data."""
    data = LanguageModelling().data(None, {})
    assert isinstance(data, PassageData)
    return data


@pytest.fixture(scope="module")
def little() -> PassageData:
    """Return a few hundred short documents."""
    train = [f"the array {word} is returned by method {number}" * 9 for number in range(60) for word in "abc"]
    return PassageData({"train": train, "validation": train[:9], "test": [text.upper() for text in train[:9]]})


def _assignment(model: Any, data: PassageData, steps: int = 3, stage: Any = "finetune", **given: Any) -> Assignment:
    settings = filled(given, model.settings)
    return Assignment(stage, data, model.sizes[0], settings, "cpu", "fp32", 0, Budget(steps=steps))


def test_documents_are_divided_as_the_topics_are(docstrings: PassageData) -> None:
    """Pretraining on these documents never reads one that a topic is asked of."""
    topics: Any = TextClassification().data(None, {})

    for split in ("train", "validation", "test"):
        assert set(docstrings.texts(split)) == set(topics.examples(split).inputs)


def test_passages_are_alike_and_cover_the_held_out_documents(docstrings: PassageData) -> None:
    """Each has 256 characters; what is left of a document is shorter than one."""
    passages = docstrings.queries()

    assert {len(passage) for passage in passages} == {LENGTH}
    assert len(passages) == sum(len(text) // LENGTH for text in docstrings.texts("test")) > 1000


def test_a_bit_is_a_bit(little: PassageData) -> None:
    """One who gives every byte a probability of 1/256 needs eight bits for each."""
    scores = little.evaluate(lambda passages: [math.log(256) * len(text.encode()) for text in passages], 4)

    assert np.allclose(scores["bits_per_byte"], 8.0)
    assert 3 < little.random_baseline()["bits per byte"] < 14


@pytest.mark.parametrize("cost", [-1.0, float("nan")])
def test_what_no_probability_can_cost_is_refused(little: PassageData, cost: float) -> None:
    """A negative cost would be a probability above one."""
    with pytest.raises(ValueError, match="less than nothing"):
        little.evaluate(lambda passages: [cost for _ in passages], 4)


def _ngram(texts: list[str], order: int) -> Any:
    data = PassageData({"train": texts, "validation": [], "test": []})
    learner = Ngram().learner(_assignment(Ngram(), data, order=order))
    learner.step()
    return learner


@settings(max_examples=25, deadline=None)
@given(
    texts=st.lists(st.text(ALPHABET, min_size=1, max_size=30), min_size=1, max_size=5),
    start=st.text(ALPHABET, max_size=6),
    order=st.integers(1, 6),
)
def test_probabilities_of_next_bytes_never_add_up_to_more_than_one(texts: list[str], start: str, order: int) -> None:
    """Whatever was counted and whatever stands: bytes below 128 leave something for the others."""
    learner = _ngram(texts, order)
    (before,) = learner.predict([start]) if start else (0.0,)
    continued = learner.predict([start + chr(byte) for byte in range(128)])
    rare = [
        cost - before
        for cost in learner.predict([start + "é"])  # two bytes; both are above 127
    ]

    assert sum(math.exp(before - cost) for cost in continued) < 1
    assert 0 < math.exp(-rare[0]) < 1
    assert sum(math.exp(before - cost) for cost in continued) > 0.4


def test_ngrams_reach_the_reference(docstrings: PassageData, tmp_path: Path) -> None:
    """A five-gram needs about two bits a byte on technical documents; loaded it says the same."""
    learner = Ngram().learner(_assignment(Ngram(), docstrings))
    assert learner.step().done
    learner.save(tmp_path)
    again = Ngram().learner(_assignment(Ngram(), docstrings))
    again.load(tmp_path)
    scores = docstrings.evaluate(again.predict, 64)

    assert 1.7 < float(np.mean(scores["bits_per_byte"])) < 2.3
    assert list(again.predict(docstrings.queries()[:3])) == list(learner.predict(docstrings.queries()[:3]))


@pytest.mark.parametrize("order", [0, 8])
def test_an_order_that_does_not_fit_is_refused(little: PassageData, order: int) -> None:
    """Seven bytes and a beginning fit into 64 bits."""
    with pytest.raises(Unsupported, match="from 1 to 7"):
        Ngram().learner(_assignment(Ngram(), little, order=order))


def test_a_decoder_cannot_look_ahead(little: PassageData) -> None:
    """What stands later changes no earlier cost: the cost of a text grows by that of its continuation alone."""
    learner: Any = Gpt().learner(_assignment(Gpt(), little, max_length=32, vocabulary=300))
    learner.step()
    network = learner.module().eval()
    ids = torch.randint(5, 290, (1, 12))
    other = ids.clone()
    other[0, 8:] = torch.randint(5, 290, (4,))
    mask = torch.ones_like(ids)
    with torch.no_grad():
        first, second = network.costs(ids, mask)[0], network.costs(other, mask)[0]

    assert torch.allclose(first[0, :7], second[0, :7], atol=1e-5)
    assert not torch.allclose(first[0, 7:], second[0, 7:])


def test_byte_pairs_lose_nothing(little: PassageData) -> None:
    """Every text comes back as it was: capitals, Chinese, control characters."""
    learner: Any = Gpt().learner(_assignment(Gpt(), little, vocabulary=300))
    tokenizer = learner.codec().tokenizer
    for text in ("The Array", "数组 returns\n\ttwo", "\x00 é £"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_pretrained_decoder_is_where_language_modelling_begins(little: PassageData, tmp_path: Path) -> None:
    """The blocks are taken over, to the bit."""
    from dataclasses import replace

    given = {"max_length": 32, "vocabulary": 300}
    first: Any = Gpt().learner(_assignment(Gpt(), little, stage="pretrain", **given))
    first.step()
    first.save(tmp_path)
    second: Any = Gpt().learner(replace(_assignment(Gpt(), little, **given), start=tmp_path, pretrained=True))

    for name, weight in second.module().gpt.named_parameters():
        assert torch.equal(weight, dict(first.module().gpt.named_parameters())[name])


def test_gpt_classifies_too(three: Any, tmp_path: Path) -> None:
    """The same blocks under a dense layer; what was saved says which of the two it is."""
    learner: Any = Gpt().learner(_assignment(Gpt(), three, max_length=24, vocabulary=400))
    learner.step()
    learner.save(tmp_path)
    answers = np.asarray(learner.predict(three.queries()[:5]))

    assert answers.shape == (5, len(three.classes))
    assert np.allclose(answers.sum(axis=1), 1.0, atol=1e-5)
    assert type(Gpt().codec(tmp_path)).__name__ == "TokenCodec"
