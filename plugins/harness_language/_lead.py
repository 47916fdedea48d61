"""The baseline of summarisation: the first sentence of the text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from harness import Assignment, Learner, Progress, Unsupported
from harness_language._spans import sentences

FILE = "rule.json"


class LeadLearner(Learner):
    """The first sentence, without training."""

    def __init__(self, assignment: Assignment) -> None:
        """Keep nothing.

        Raises:
            Unsupported: a precision other than fp32, which a record would name wrongly.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"The first sentence is not computed in {assignment.precision}. Use fp32.")

    def step(self) -> Progress:
        """Report that there is nothing to learn."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write the rule's name, so that there is an artifact."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps({"rule": "first sentence"}), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read nothing."""

    def predict(self, inputs: Sequence[str]) -> Sequence[str]:
        """Return the first sentence or line of each text, with its line breaks as spaces."""
        return [_first(text) for text in inputs]

    def parameters(self) -> int:
        """Return 0: there is nothing to train."""
        return 0


def _first(text: str) -> str:
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    spans = sentences(paragraph)
    return paragraph[slice(*spans[0])] if spans else paragraph
