"""Questions that are answered freely: the data of every task of the kind `open-answers`.

An input is a text, an output an answer; both are strings. A question may have a reference answer, for judges and for
models that learn: an answer need not be like it to be right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from harness import Grades, Predict, Prompts, Sample, Unsupported
from harness_language._generated import generated
from harness_language._scripts import TOKEN
from harness_language._split_data import SplitData

KIND = "open-answers"
SHOWN = 10
"""Answers in a sample."""
CLIPPED = 2000
"""Most characters of each text in a sample."""


class OpenQuestion(NamedTuple):
    """A question, or whatever else is asked."""

    input: str
    reference: str = ""
    """An answer that is right, empty where none is given."""


class OpenAnswerData(SplitData[OpenQuestion]):
    """Questions in splits that share none.

    What can be counted without a judge is whether there is an answer. How good it is say the grades of a judge or of
    people, which `harness judge` and `harness grades` put into the store.
    """

    row_names: ClassVar[Mapping[str, str]] = {}

    def __init__(self, splits: Mapping[str, Sequence[OpenQuestion]]) -> None:
        """Keep the questions.

        Args:
            splits: `train`, `validation` and `test`.
        """
        super().__init__(splits)
        content = repr([(name, [tuple(one) for one in self._splits[name]]) for name in sorted(self._splits)])
        self.digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

    def questions(self, split: str) -> tuple[OpenQuestion, ...]:
        """Return a split's questions with their reference answers."""
        return self._splits[split]

    def pairs(self, split: str) -> Sequence[tuple[str, str]]:
        """Return a split's questions that have a reference answer, with it.

        Raises:
            Unsupported: none has one.
        """
        pairs = [(one.input, one.reference) for one in self._splits[split] if one.reference]
        if not pairs:
            raise Unsupported(
                f"No question of the {split} split has a reference answer to learn from. Add a column with them, or "
                "ask models that are not trained."
            )
        return pairs

    def texts(self, split: str) -> tuple[str, ...]:
        """Return a split's questions and reference answers, for tokenizers and pretraining."""
        return tuple(text for one in self._splits[split] for text in one if text)

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Return for each question whether it is answered; white space alone is no answer, and is kept as none.

        Raises:
            ValueError: an output is no string, or a batch has too few or too many.
        """
        answers = [answer if answer.strip() else "" for answer in generated(predict, batch_size, self.keys(split))]
        return Grades({"answered": [float(answer != "") for answer in answers]}, answers={"output": answers})

    def prompts(self) -> Prompts:
        """Return how it is asked for."""
        from harness_language._open_prompts import OpenPrompts

        return OpenPrompts(self)

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return each question and its reference answer, empty where there is none."""
        questions = self._splits[split]
        return {"input": [one.input for one in questions], "reference": [one.reference for one in questions]}

    def work(self, outputs: Sequence[Any]) -> Mapping[str, int]:
        """Return the words and signs of answers; a character of some scripts is a word."""
        return {"output_tokens": sum(len(TOKEN.findall(output)) for output in outputs)}

    def random_baseline(self) -> Mapping[str, float]:
        """Return 1: whoever says anything has answered."""
        return {"answered": 1.0}

    def queries(self) -> Sequence[str]:
        """Return the test split's questions."""
        return self.keys("test")

    def keys(self, split: str) -> Sequence[str]:
        """Return a split's questions."""
        return [one.input for one in self._splits[split]]

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return some answers."""
        questions = self._splits["test"][:SHOWN]
        answers = generated(predict, SHOWN, [one.input for one in questions])
        blocks = list(_blocks(questions, answers))
        return [Sample(f"{len(blocks)} answers", "text/plain", "\n".join(blocks).encode("utf-8", "replace"))]


def _blocks(questions: Iterable[OpenQuestion], answers: Iterable[str]) -> Iterable[str]:
    for one, answer in zip(questions, answers, strict=True):
        reference = f"reference  {one.reference[:CLIPPED]}\n" if one.reference else ""
        yield f"question   {one.input[:CLIPPED]}\n{reference}answer     {answer[:CLIPPED]}\n"
