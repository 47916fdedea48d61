"""The baseline of question answering: the line or sentence that shares most words with the question.

Of a line `name: answer`, the answer is what follows the colon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import Assignment, Learner, Progress

_WORD = re.compile(r"\w+")
_LINE = re.compile(r"(?P<name>\w+ ?: *)?(?P<answer>\S(?:[^\n]*?[.!?](?=\s)|[^\n]*\S|))")


class OverlapLearner(Learner):
    """A rule without training."""

    def __init__(self, assignment: Assignment) -> None:
        """Ignore the assignment: a rule has no settings and no seed."""
        del assignment

    def step(self) -> Progress:
        """Report that there is nothing to learn."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write the rule's name, so that there is an artifact."""
        (folder / "rule.txt").write_text("overlap\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read nothing."""

    def predict(self, inputs: Sequence[Mapping[str, str]]) -> Sequence[Any]:
        """Return (start, end) of each answer, in characters of its context."""
        return [_answer(item["question"], item["context"]) for item in inputs]

    def parameters(self) -> int:
        """Return 0: there is nothing to train."""
        return 0


def _answer(question: str, context: str) -> tuple[int, int]:
    """Return start and end of the answer.

    Of lines that share equally many words, the first with a colon is taken: a heading is no answer.
    """
    question_words = set(_WORD.findall(question))
    lines = list(_LINE.finditer(context))
    if not lines:
        return 0, 0

    def rank(line: re.Match[str]) -> tuple[int, bool]:
        return len(question_words & set(_WORD.findall(line.group()))), line["name"] is not None

    return max(lines, key=rank).span("answer")
