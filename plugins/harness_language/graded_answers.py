"""Answers with the grades of a rubric: the data of the task `answer-grading`, whose models are judges.

A judge classifies: an input is a text that holds question, reference answer and answer, a class is a grade, and an
output a row with a share for each grade, the lowest first. A row of zeros is no grade.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from harness import DataError, Grades, Metric, Predict, Prompts, Unsupported
from harness.labelled import NO_CLASS, Examples, LabelledData
from harness_language._rubric import Rubric

AGREEMENT = "agreement"
GRADED = Metric(name="graded", unit="share", column="graded", ceiling=1.0)
"""What can be counted where the right grades are not known."""
ORDERS = ("worst-first", "best-first")


class GradedAnswer(NamedTuple):
    """An answer to a question."""

    input: str
    reference: str
    """An answer that is right, empty where none is given."""
    answer: str
    grade: int | None = None
    """The right one, None where it is not known."""

    @property
    def text(self) -> str:
        """What a judge reads."""
        parts = {"Question": self.input, "Reference answer": self.reference, "Answer to be graded": self.answer}
        return "\n\n".join(f"{name}:\n{part}" for name, part in parts.items() if part or name != "Reference answer")


class GradingData(LabelledData):
    """Answers with grades of a rubric, of which those of the test split may be unknown.

    The agreement is the share of answers that get the right grade. Where right grades are not known it cannot be
    computed; then the share of answers that get any grade takes its place.
    """

    def __init__(
        self, rubric: Rubric, splits: Mapping[str, Sequence[GradedAnswer]], order: str = "worst-first"
    ) -> None:
        """Keep the answers.

        Args:
            rubric: with the scale of the grades.
            splits: `train`, `validation` and `test`; the first two may be empty.
            order: one of `ORDERS`: how the scale is listed in a prompt.

        Raises:
            DataError: two different rows read alike.
        """
        self.rubric, self.order = rubric, order
        grades = list(rubric.scale)
        self._answers = _by_text(one for answers in splits.values() for one in answers)
        examples = {
            split: Examples(
                [one.text for one in answers],
                [NO_CLASS if one.grade is None else grades.index(one.grade) for one in answers],
            )
            for split, answers in splits.items()
        }
        super().__init__([str(grade) for grade in grades], examples, AGREEMENT)
        self.digest = sha256(f"{rubric.to_json()} {self.digest}".encode()).hexdigest()
        self._told()

    def _told(self) -> None:
        """Note whether the test split's grades are all known, and the metrics that this allows."""
        self.is_graded = NO_CLASS not in self._splits["test"].labels
        self.metrics = None if self.is_graded else (GRADED,)

    def _with(self, splits: Mapping[str, Examples]) -> GradingData:
        data = super()._with(splits)
        data._told()  # noqa: SLF001 - a copy of its own kind
        return data

    @staticmethod
    def content(one: str) -> bytes:
        """Return a text's bytes."""
        return one.encode("utf-8", "surrogatepass")

    def examples(self, split: str) -> Examples:
        """Return one split.

        Raises:
            Unsupported: it is to be learnt from, and no right grades are known.
        """
        if split == "train" and not self.sizes["train"]:
            raise Unsupported(
                "There are no graded answers to learn from. Give some in a column of the data, or ask a model that is "
                "not trained."
            )
        return super().examples(split)

    def texts(self, split: str) -> Sequence[str]:
        """Return what a judge reads of a split, for tokenizers and pretraining."""
        return self._splits[split].inputs

    keys = texts

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Return for each answer whether it got a grade, and whether it is the right one where that is known.

        Raises:
            ValueError: a batch's outputs do not have the shape [n, grades].
        """
        grades = super().evaluate(predict, batch_size, split)
        predicted = grades.scores["predicted"]
        scores = {"graded": [float(place != NO_CLASS) for place in predicted], "predicted": predicted}
        if NO_CLASS not in self.examples(split).labels:
            scores |= {name: grades.scores[name] for name in ("correct", "label")}
        given = [None if name is None else int(name) for name in grades.answers["output"]]
        return grades._replace(scores=scores, answers={**grades.answers, "output": given})

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return question, reference answer and answer; and the right grade, where the data have any."""
        answers = [self._answers[text] for text in self.examples(split).inputs]
        columns = {name: [getattr(one, name) for one in answers] for name in ("input", "reference", "answer")}
        if not self.is_graded and all(label == NO_CLASS for label in self.examples(split).labels):
            return columns
        return {**columns, "reference_grade": [self._grade(label) for label in self.examples(split).labels]}

    def rows(self, split: str) -> Iterable[Mapping[str, str]]:
        """Return what `items` says, with the right grade as the column `grade`, empty where it is not known."""
        answers = [self._answers[text] for text in self.examples(split).inputs]
        for one, label in zip(answers, self.examples(split).labels, strict=True):
            grade = "" if label == NO_CLASS else str(self._grade(label))
            yield {"input": one.input, "reference": one.reference, "answer": one.answer, "grade": grade}

    def _grade(self, label: int) -> int | None:
        return None if label == NO_CLASS else list(self.rubric.scale)[label]

    def references(self, split: str) -> Sequence[Any] | None:  # type: ignore[override]  # None where not known
        """Return a one-hot row for each answer, None where a right grade is not known."""
        return None if NO_CLASS in self.examples(split).labels else super().references(split)

    def random_baseline(self) -> Mapping[str, float]:
        """Return the agreement of the training split's most frequent grade; a guess is always a grade."""
        return super().random_baseline() if self.is_graded else {GRADED.name: 1.0}

    def prompts(self) -> Prompts:
        """Return how a grade is asked for."""
        from harness_language._open_prompts import GradePrompts

        return GradePrompts(self)


def _by_text(answers: Iterable[GradedAnswer]) -> dict[str, GradedAnswer]:
    """Return what a judge reads → the answer.

    Raises:
        DataError: two different ones read alike, as one has headings in its texts.
    """
    by_text: dict[str, GradedAnswer] = {}
    for one in answers:
        first = by_text.setdefault(one.text, one)
        if first[:3] != one[:3]:
            raise DataError(f"Two rows read alike to a judge: {one.input!r:.60} and {first.input!r:.60}. Change one.")
    return by_text
