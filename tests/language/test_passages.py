"""Language modelling: passages and their bits per byte, n-grams, and GPT."""

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
from harness.settings import filled
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


def _assignment(model: Any, data: PassageData, steps: int = 3, stage: Any = "finetune", **changes: Any) -> Assignment:
    settings = filled(changes, model.settings)
    return Assignment(stage, data, model.sizes[0], settings, "cpu", "fp32", 0, Budget(steps=steps))


def test_documents_are_divided_as_the_topics_are(docstrings: PassageData) -> None:
    """So pretraining on them reads no test text of `text-classification`."""
    topics: Any = TextClassification().data(None, {})

    for split in ("train", "validation", "test"):
        assert set(docstrings.texts(split)) == set(topics.examples(split).inputs)


def test_passages_are_equally_long_and_cover_the_held_out_documents(docstrings: PassageData) -> None:
    """Each has 256 characters; only a shorter rest of a document is dropped."""
    passages = docstrings.queries()

    assert {len(passage) for passage in passages} == {LENGTH}
    assert len(passages) == sum(len(text) // LENGTH for text in docstrings.texts("test")) > 1000


def test_uniform_probabilities_cost_eight_bits_per_byte(little: PassageData) -> None:
    """The random baseline is of the same order."""
    scores = little.evaluate(lambda passages: [math.log(256) * len(text.encode()) for text in passages], 4)

    assert np.allclose(scores["bits_per_byte"], 8.0)
    assert 3 < little.random_baseline()["bits per byte"] < 14


@pytest.mark.parametrize("cost", [-1.0, float("nan")])
def test_invalid_likelihoods_are_refused(little: PassageData, cost: float) -> None:
    """A negative cost is a probability above one."""
    with pytest.raises(ValueError, match="negative or NaN"):
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
def test_probabilities_of_the_next_byte_add_up_to_less_than_one(texts: list[str], start: str, order: int) -> None:
    """Those of bytes below 128 leave something for the others."""
    learner = _ngram(texts, order)
    (before,) = learner.predict([start]) if start else (0.0,)
    total = sum(math.exp(before - cost) for cost in learner.predict([start + chr(byte) for byte in range(128)]))
    (rare,) = learner.predict([start + "é"])  # two bytes above 127

    assert 0.4 < total < 1
    assert 0 < math.exp(before - rare) < 1


def test_ngrams_need_about_two_bits_per_byte(docstrings: PassageData, tmp_path: Path) -> None:
    """With five bytes, on technical documents; a loaded model predicts the same."""
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
    """Seven symbols fit into 64 bits."""
    with pytest.raises(Unsupported, match="from 1 to 7"):
        Ngram().learner(_assignment(Ngram(), little, order=order))


def test_a_decoder_cannot_look_ahead(little: PassageData) -> None:
    """Later tokens change no earlier cost."""
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


def test_byte_pairs_are_lossless(little: PassageData) -> None:
    """For capitals, Chinese and control characters."""
    learner: Any = Gpt().learner(_assignment(Gpt(), little, vocabulary=300))
    tokenizer = learner.codec().tokenizer
    for text in ("The Array", "数组 returns\n\ttwo", "\x00 é £"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_language_modelling_starts_from_a_pretrained_decoder(little: PassageData, tmp_path: Path) -> None:
    """The blocks are copied to the bit."""
    from dataclasses import replace

    small = {"max_length": 32, "vocabulary": 300}
    first: Any = Gpt().learner(_assignment(Gpt(), little, stage="pretrain", **small))
    first.step()
    first.save(tmp_path)
    second: Any = Gpt().learner(replace(_assignment(Gpt(), little, **small), start=tmp_path, pretrained=True))

    for name, weight in second.module().gpt.named_parameters():
        assert torch.equal(weight, dict(first.module().gpt.named_parameters())[name])


def test_gpt_classifies_too(three: Any, tmp_path: Path) -> None:
    """With a dense layer on the blocks; the artifact's codec is the classifier's."""
    learner: Any = Gpt().learner(_assignment(Gpt(), three, max_length=24, vocabulary=400))
    learner.step()
    learner.save(tmp_path)
    answers = np.asarray(learner.predict(three.queries()[:5]))

    assert answers.shape == (5, len(three.classes))
    assert np.allclose(answers.sum(axis=1), 1.0, atol=1e-5)
    assert type(Gpt().codec(tmp_path)).__name__ == "TokenCodec"
