"""Texts with what is to be found in them: the data of every task of the kind `information-extraction`.

An input is a text, an output a JSON value by the data's JSON Schema, as Python's `json` reads it: dicts, lists, texts,
numbers, booleans and None.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from harness import Grades, Predict, Prompts, Sample
from harness_language._schemas import checked, is_valid
from harness_language._scripts import TOKEN
from harness_language._split_data import SplitData

KIND = "information-extraction"
SHOWN = 10
"""Answers in a sample."""
CLIPPED = 2000
"""Most characters of each text in a sample."""
Field = tuple[tuple[str, ...], str]
"""The names that lead to a value, and the value in JSON."""


class Extract(NamedTuple):
    """A text and what is to be found in it."""

    text: str
    value: Any
    """JSON by the schema, never None."""


class ExtractionData(SplitData[Extract]):
    """Texts in splits that share none, with JSON by a schema.

    An answer is exact if it is the reference but for the order of keys and of the items of lists; a key whose value is
    null counts as absent, and 1.0 is 1. The F1 is over all (text, field, value) of a split, as in CORD's evaluation
    (Kim et al., 2022): a field is named by the keys that lead to it without places in lists, so that it does not say
    which item of a list a value belongs to; a null is no value. What is no JSON, or not by the schema, has no fields
    and is not exact.
    """

    row_names: ClassVar[Mapping[str, str]] = {"input": "text", "reference": "json"}

    def __init__(self, splits: Mapping[str, Sequence[Extract]], schema: Mapping[str, Any]) -> None:
        """Keep the texts.

        Args:
            splits: `train`, `validation` and `test`.
            schema: a JSON Schema that every value meets.

        Raises:
            DataError: it is no JSON Schema.
        """
        self.schema = schema
        self._validator = checked("The schema", schema)
        super().__init__(splits)
        content = json.dumps([schema, sorted(self._splits.items())])
        self.digest = hashlib.sha256(content.encode()).hexdigest()

    def pairs(self, split: str) -> tuple[Extract, ...]:
        """Return a split's texts with their values."""
        return self._splits[split]

    def texts(self, split: str) -> tuple[str, ...]:
        """Return a split's texts, for tokenizers and pretraining."""
        return tuple(extract.text for extract in self._splits[split])

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Return for each text whether the answer is exact and whether it is by the schema, and the F1 of fields.

        Raises:
            ValueError: a batch has too few or too many outputs.
        """
        extracts = self._splits[split]
        return self._graded(self._answers(predict, batch_size, extracts), [extract.value for extract in extracts])

    @staticmethod
    def _answers(predict: Predict, batch_size: int, extracts: Sequence[Extract]) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(extracts), batch_size):
            batch = [extract.text for extract in extracts[start : start + batch_size]]
            outputs = list(predict(batch))
            if len(outputs) != len(batch):
                raise ValueError(f"There are {len(outputs)} outputs for {len(batch)} texts. Return one for each.")
            answers += outputs
        return answers

    def _graded(self, answers: Sequence[Any], references: Sequence[Any]) -> Grades:
        read = [_read(answer) for answer in answers]
        right = [_read(reference) for reference in references]
        valid = [is_valid(self._validator, one.value) and one.value is not None for one in read]
        exact = [
            float(good and one.canonical == other.canonical)
            for good, one, other in zip(valid, read, right, strict=True)
        ]
        answered = [one.fields if good else Counter() for good, one in zip(valid, read, strict=True)]
        return Grades(
            {"exact": exact, "valid": list(map(float, valid))},
            {"F1": _MicroF1(answered, [one.fields for one in right])},
            answers={"output": [one.value for one in read]},
        )

    def prompts(self) -> Prompts:
        """Return how it is asked for."""
        from harness_language._prompts import ExtractPrompts

        return ExtractPrompts(self)

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return each text and its value."""
        return {"input": self.texts(split), "reference": self.references(split)}

    def work(self, outputs: Sequence[Any]) -> Mapping[str, int]:
        """Return the words and signs of answers in JSON; a character of some scripts is a word."""
        written = (json.dumps(output, ensure_ascii=False, default=repr) for output in outputs)
        return {"output_tokens": sum(len(TOKEN.findall(text)) for text in written)}

    @cache  # noqa: B019 - the data live as long as the process that evaluates on them
    def random_baseline(self) -> Mapping[str, float]:
        """Return the metrics of random values from the training split."""
        generator = random.Random(0)  # noqa: S311 - no secret
        references = self.references("test")
        answers = generator.choices(self.references("train"), k=len(references))
        grades = self._graded(answers, references)
        exact = sum(grades.scores["exact"]) / len(references)
        return {"exact match": exact, "F1": grades.over["F1"](np.arange(len(references)))}

    def queries(self) -> Sequence[str]:
        """Return the test split's texts."""
        return self.texts("test")

    def keys(self, split: str) -> Sequence[str]:
        """Return a split's texts."""
        return self.texts(split)

    def references(self, split: str) -> Sequence[Any]:
        """Return a split's values."""
        return [extract.value for extract in self._splits[split]]

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return some answers with their references."""
        extracts = self._splits["test"][:SHOWN]
        blocks = [
            f"text       {extract.text[:CLIPPED]}\nreference  {_shown(extract.value)}\nanswer     {_shown(answer)}\n"
            for extract, answer in zip(extracts, self._answers(predict, SHOWN, extracts), strict=True)
        ]
        return [Sample(f"{len(extracts)} answers", "text/plain", "\n".join(blocks).encode("utf-8", "replace"))]


class _MicroF1:
    """The F1 of fields over chosen texts."""

    def __init__(self, answered: Sequence[Counter[Field]], expected: Sequence[Counter[Field]]) -> None:
        pairs = list(zip(answered, expected, strict=True))
        self._right = np.array([(one & other).total() for one, other in pairs])
        self._both = np.array([one.total() + other.total() for one, other in pairs])

    def __call__(self, rows: np.ndarray) -> float:
        """Return the F1 over the rows; 0 where nothing is found or expected."""
        both = self._both[rows].sum()
        return float(2 * self._right[rows].sum() / both) if both else 0.0


class _Read(NamedTuple):
    """An output as it is compared."""

    value: Any
    """None stands for no answer, whatever the schema says."""
    canonical: str
    fields: Counter[Field]


def _read(output: Any) -> _Read:
    """Return an output as JSON has it; what is no JSON (an object of Python's, NaN, a ring) is no answer."""
    try:
        value = json.loads(json.dumps(output, allow_nan=False))
        return _Read(value, canonical(value), Counter(fields(value)))
    except (TypeError, ValueError, RecursionError):
        return _Read(None, "", Counter())


def canonical(value: Any) -> str:
    """Return one text for all values that count as the same."""
    return _sorted(_normalised(value))


def _sorted(normalised: Any) -> str:
    return json.dumps(normalised, sort_keys=True)


def _normalised(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normalised(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return sorted(map(_normalised, value), key=_sorted)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def fields(value: Any, path: tuple[str, ...] = ()) -> Iterator[Field]:
    """Yield the fields of a value, with repeats."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from fields(part, (*path, key))
    elif isinstance(value, list):
        for part in value:
            yield from fields(part, path)
    elif value is not None:
        yield path, canonical(value)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)[:CLIPPED]
