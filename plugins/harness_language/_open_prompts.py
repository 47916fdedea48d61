"""How open questions are asked, and how a judge is asked for the grade of an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness import NotAnAnswerError, Prompts
from harness.class_prompts import ClassPrompts
from harness_language._prompts import some_words

if TYPE_CHECKING:
    import numpy as np

    from harness_language.graded_answers import GradingData
    from harness_language.open_answers import OpenAnswerData

_NUMBER = re.compile(r"(?<!\w)-?\d+(?:[.,]\d+)?")


class OpenPrompts(Prompts):
    """An answer, as it is said, without white space around it."""

    instruction = "Answer what is asked. Say the answer and nothing else."

    def __init__(self, data: OpenAnswerData) -> None:
        """Keep the data."""
        self._data = data

    def ask(self, one: str) -> str:
        """Return the question."""
        return one

    def examples(self) -> Sequence[tuple[str, str]]:
        """Return the training questions with their reference answers, those that have one."""
        return [(one.input, one.reference) for one in self._data.questions("train") if one.reference]

    def read(self, words: str, one: str) -> str:  # noqa: ARG002 - an answer is judged later
        """Return the words.

        Raises:
            NotAnAnswerError: there are none.
        """
        return some_words(words)

    def nothing(self) -> str:
        """Return an empty answer."""
        return ""


class GradePrompts(ClassPrompts):
    """One of the grades of a rubric, by its number.

    The scale is listed in the order that the data say: a judge that prefers what it reads first, or last, is told by
    asking it both ways.
    """

    noun = "answer"

    def __init__(self, data: GradingData) -> None:
        """Write the instruction from the rubric."""
        super().__init__(data)
        scale = list(data.rubric.scale.items())
        listed = scale if data.order == "worst-first" else scale[::-1]
        numbers = ", ".join(str(grade) for grade, _ in listed)
        self.instruction = "\n".join([
            "Grade an answer to a question.",
            data.rubric.question,
            "",
            "The grades are:",
            *(f"{grade}: {text}" for grade, text in listed),
            "",
            f"Answer with exactly one of these numbers, and with nothing else: {numbers}",
        ])  # fmt: skip

    def ask(self, one: str) -> str:
        """Return question, reference answer and answer."""
        return one

    def read(self, words: str, one: str) -> np.ndarray:  # noqa: ARG002 - a grade does not depend on the answer
        """Return a row with a one at the grade that is named.

        Raises:
            NotAnAnswerError: no number is named, or several are, or one that is no grade: none is rounded.
        """
        named = {float(number.replace(",", ".")) for number in _NUMBER.findall(words)}
        places = [place for place, grade in enumerate(self.choices) if float(grade) in named]
        if len(named) != 1 or not places:
            raise NotAnAnswerError(f"{words!r:.80} names no grade, or several")
        row = self.nothing()
        row[places[0]] = 1.0
        return row
