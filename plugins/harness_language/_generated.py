"""What a model says to texts, for tasks whose answers are texts."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Predict


def generated(predict: Predict, batch_size: int, texts: Sequence[str]) -> list[str]:
    """Return a model's answer to each text.

    Raises:
        ValueError: an output is no string, or a batch has too few or too many.
    """
    answers: list[str] = []
    for start in range(0, len(texts), batch_size):
        batch = list(texts[start : start + batch_size])
        outputs = list(predict(batch))
        if len(outputs) != len(batch) or not all(isinstance(output, str) for output in outputs):
            raise ValueError(f"The outputs for {len(batch)} texts are {outputs!r:.100}. Return a string for each.")
        answers += outputs
    return answers
