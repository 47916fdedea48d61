"""Pre- and postprocessing: texts to arrays and logits to probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from harness_language._codecs import (
    PAD_ID,
    SPECIAL,
    BagCodec,
    TokenCodec,
    pad,
    probabilities,
    train_wordpiece,
    train_words,
)

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [
    "Compute the determinant of a matrix.",
    "Read a matrix from a file.",
    "The mean of the samples, and their variance",
]
finite = st.floats(-50, 50, width=32)


@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=9), min_size=1, max_size=6))
def test_padding_keeps_every_token_and_marks_the_rest(rows: list[list[int]]) -> None:
    """The mask is 1 for tokens and 0 for padding; the width is that of the longest row."""
    batch = pad(rows)

    assert batch["input_ids"].shape == (len(rows), max(map(len, rows)))
    assert {array.dtype for array in batch.values()} == {np.dtype(np.int64)}
    for ids, mask, row in zip(batch["input_ids"], batch["attention_mask"], rows, strict=True):
        assert ids[mask == 1].tolist() == row
        assert set(ids[mask == 0]) <= {PAD_ID}


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=finite))
def test_probabilities_are_positive_and_sum_to_one(logits: np.ndarray) -> None:
    """The largest logit has the largest probability."""
    answer = probabilities(logits)

    assert answer.shape == (len(logits), max(2, logits.shape[1]))
    assert (answer >= 0).all()
    assert answer.sum(axis=1) == pytest.approx(np.ones(len(logits)), abs=1e-5)
    if logits.shape[1] > 1:
        assert (answer[np.arange(len(answer)), logits.argmax(axis=1)] == answer.max(axis=1)).all()


@given(st.floats(-20, 20))
def test_one_logit_is_a_sigmoid_for_the_second_class(logit: float) -> None:
    """The other class has the rest."""
    answer = probabilities(np.array([[logit]]))

    assert answer[0, 1] == pytest.approx(1 / (1 + np.exp(-logit)))


def test_wordpiece_frames_a_text_with_special_tokens() -> None:
    """A text is between [CLS] and [SEP], in lower case, with unknown words in pieces; [PAD] is 0."""
    tokenizer = train_wordpiece(TEXTS, 200)
    tokens = tokenizer.encode("The MATRIX samples").tokens

    assert [tokenizer.token_to_id(token) for token in SPECIAL] == [0, 1, 2, 3, 4]
    assert tokens[0] == "[CLS]"
    assert tokens[-1] == "[SEP]"
    assert "[UNK]" not in tokens
    assert tokenizer.decode(tokenizer.encode("determinant").ids) == "determinant"


def test_words_beyond_the_vocabulary_are_unknown() -> None:
    """The vocabulary holds the most frequent words."""
    tokenizer = train_words(TEXTS, len(SPECIAL) + 3)

    assert set(tokenizer.get_vocab()) > {"a", "the"}
    assert tokenizer.encode("the determinant").tokens == ["the", "[UNK]"]


@pytest.mark.parametrize("train", [train_wordpiece, train_words])
def test_training_a_tokenizer_twice_gives_the_same(train: object) -> None:
    """The files are equal to the byte."""
    assert train(TEXTS * 20, 150).to_str() == train(TEXTS * 20, 150).to_str()  # type: ignore[operator]


def test_a_loaded_codec_encodes_like_the_saved_one(tmp_path: Path) -> None:
    """With the same truncation."""
    codec = TokenCodec(train_wordpiece(TEXTS, 200), max_length=7)
    codec.save(tmp_path)
    loaded = TokenCodec.load(tmp_path)
    first, second = codec.encode(TEXTS), loaded.encode(TEXTS)

    assert loaded.max_length == 7
    assert first["input_ids"].shape == (3, 7)
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("text", ["", " ", "?", "日本語"])
def test_any_text_gives_at_least_one_column(text: str) -> None:
    """No text of a user breaks serving."""
    for codec in (TokenCodec(train_words(TEXTS, 50), 8), TokenCodec(train_wordpiece(TEXTS, 50), 8)):
        assert codec.encode([text])["input_ids"].shape[1] >= 1
    assert BagCodec(64).encode([text])["bag"].shape == (1, 64)


def test_bags_have_length_one_and_ignore_order() -> None:
    """Two texts with the same words have the same bag."""
    bags = BagCodec(256).encode(["read a file", "file, a READ", "write"])["bag"]

    assert bags.dtype == np.float32
    assert np.array_equal(bags[0], bags[1])
    assert not np.array_equal(bags[0], bags[2])
    assert np.linalg.norm(bags, axis=1) == pytest.approx(np.ones(3), rel=1e-6)
