"""What the baseline of question answering sees of a text: its sentences, and features of its tokens."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import regex

from harness_language._scripts import TOKEN, words

SIZE = 2**16
"""Number of features; their names are hashed."""
_OF_SPACES = r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
"""Scripts in which a space ends a clause, and no sign a sentence."""
_END = rf"[.!?](?=\s)|[。！？]|{_OF_SPACES}(?= +{_OF_SPACES})"  # noqa: RUF001 - these signs are meant
_SENTENCE = regex.compile(rf"\S(?:[^\n]*?(?:{_END})|[^\n]*\S|)")
_OUTSIDE = "^"
_STEPS = ((0, "0"), (1, "1"), (2, "2"), (3, "3"), (7, "near"), (99, "far"), (math.inf, "none"))
"""Largest distance in tokens → its name."""


class Tokens(NamedTuple):
    """The tokens of a part of a context."""

    spans: list[tuple[int, int]]
    """Of each its start and end, in characters of the context."""
    features: list[list[int]]
    """Of each the numbers of its features."""


def sentences(context: str) -> list[tuple[int, int]]:
    """Return (start, end) of each sentence or line, without outer white space."""
    return [sentence.span() for sentence in _SENTENCE.finditer(context)]


def terms(text: str) -> dict[str, None]:
    """Return the words of a text and the pairs of neighbours, in lower case, each once and in order."""
    in_order = words(text.lower())
    return dict.fromkeys([*in_order, *(f"{one} {other}" for one, other in pairwise(in_order))])


def featured(question: str, frequent: Collection[str], context: str, parts: Sequence[tuple[int, int]]) -> Tokens:
    """Return the tokens of neighbouring sentences.

    Args:
        question: whose words are looked for.
        frequent: the terms of it that many questions have, such as "how many".
        context: the text.
        parts: (start, end) of the sentences, the best one first.
    """
    matches = list(TOKEN.finditer(context, parts[0][0], parts[-1][1]))
    texts = [match.group().lower() for match in matches]
    shapes = [_shape(match.group()) for match in matches]
    question_words = set(words(question.lower()))
    shared = ["shared" if text in question_words else "new" for text in texts]
    after, before = _distances(shared), _distances(shared[::-1])[::-1]
    by_shape: dict[tuple[str, str, str], list[int]] = {}
    features = []
    for i, match in enumerate(matches):
        around = _at(shapes, i - 1), shapes[i], _at(shapes, i + 1)
        if around not in by_shape:
            by_shape[around] = _of_shapes(*around, frequent)
        part = sum(match.start() >= start for start, _ in parts)
        line = i == 0 or "\n" in context[matches[i - 1].end() : match.start()]
        features.append(by_shape[around] + _hashed(
            *(f"word {offset} {_at(texts, i + offset)}" for offset in (-2, -1, 0, 1, 2)),
            f"{_at(shared, i - 1)} {shared[i]} {_at(shared, i + 1)}",
            f"after {after[i]} {part}", f"before {before[i]} {part}", f"part {part}", f"line {line}",
        ))  # fmt: skip
    return Tokens([match.span() for match in matches], features)


def _of_shapes(left: str, shape: str, right: str, frequent: Collection[str]) -> list[int]:
    """Return the features that a token shares with all of its shape and its neighbours' shapes."""
    shapes = shape, f"{left} _ {shape}", f"{shape} _ {right}"
    names = [f"{term} | {number} {text}" for number, text in enumerate(shapes) for term in ("", *frequent)]
    return _hashed(*names, f"{left} _ {shape} _ {right}")


def _hashed(*names: str) -> list[int]:
    return [crc32(name.encode("utf-8", "surrogatepass")) % SIZE for name in names]


def _at(values: Sequence[str], position: int) -> str:
    return values[position] if 0 <= position < len(values) else _OUTSIDE


def _distances(shared: Sequence[str]) -> list[str]:
    """Return how far each token is behind the last one that the question has too."""
    distances, last = [], -math.inf
    for position, state in enumerate(shared):
        last = position if state == "shared" else last
        distances.append(next(name for limit, name in _STEPS if position - last <= limit))
    return distances


def _shape(token: str) -> str:
    """Return the kind of a token: a number, a sign itself, or a word by its first letter's script and case."""
    first = token[0]
    if any(map(str.isdigit, token)):
        return "number" if token.isdigit() else "number with letters"
    if not first.isalpha():
        return token[:1]
    if first.isupper():
        return "CAPITALS" if len(token) > 1 and token.isupper() else "Capital"
    return "small" if first.islower() else "ideograph" if regex.match(r"\p{Han}", first) else "letter"
