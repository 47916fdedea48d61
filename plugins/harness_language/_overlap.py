"""The cheap baseline of question answering: what stands behind the colon of the line that shares most words.

In prose it is the sentence that does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import Assignment, Learner, Progress

_WORD = re.compile(r"\w+")
_LINE = re.compile(r"(?P<name>\w+ ?: *)?(?P<said>\S(?:[^\n]*?[.!?](?=\s)|[^\n]*\S|))")


class OverlapLearner(Learner):
    """Nothing is trained."""

    def __init__(self, assignment: Assignment) -> None:
        """Need nothing."""
        del assignment  # a rule has no settings and no seed

    def step(self) -> Progress:
        """Learn nothing: the rule is given."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write a word, so that there is an artifact."""
        (folder / "rule.txt").write_text("overlap\n", encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read nothing."""

    def predict(self, inputs: Sequence[Mapping[str, str]]) -> Sequence[Any]:
        """Return a piece of each context."""
        return [_answer(one["question"], one["context"]) for one in inputs]

    def parameters(self) -> int:
        """Return 0: there is nothing to train."""
        return 0


def _answer(question: str, context: str) -> tuple[int, int]:
    """Return where the answer begins and ends: a line of prose is a sentence, a line that names something has a colon.

    Of lines that share as many words the first with a colon counts, since a heading answers nothing.
    """
    asked = set(_WORD.findall(question))
    lines = list(_LINE.finditer(context))
    if not lines:
        return 0, 0
    best = max(lines, key=lambda line: (len(asked & set(_WORD.findall(line.group()))), line["name"] is not None))
    return best.span("said")
