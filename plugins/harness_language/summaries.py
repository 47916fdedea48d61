"""Texts with summaries: the data of every task of the kind `summarization`.

An input is a text, an output its summary; both are strings. A text may have several reference summaries.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from sacrebleu.metrics.chrf import CHRF

from harness import Grades, Predict, Prompts, Sample
from harness_language._generated import generated
from harness_language._resampled import ResampledMetric
from harness_language._rouge import NAMES, Rouge
from harness_language._scripts import TOKEN
from harness_language._split_data import SplitData

KIND = "summarization"
SHOWN = 10
"""Summaries in a sample."""
CLIPPED = 2000
"""Most characters of each text in a sample."""


class Summarised(NamedTuple):
    """A text and its summaries."""

    text: str
    references: tuple[str, ...]
    """At least one; any of them is right."""


class SummaryData(SplitData[Summarised]):
    """Texts in splits that share none, evaluated by rouge-score and sacrebleu.

    Of several references ROUGE counts the best, each of its metrics for itself, as the library's `score_multi` does;
    chrF is sacrebleu's with several references.
    """

    def __init__(self, splits: Mapping[str, Sequence[Summarised]]) -> None:
        """Keep the texts.

        Args:
            splits: `train`, `validation` and `test`.
        """
        super().__init__(splits)
        self._rouge = Rouge([one for item in self._splits["train"] for one in item.references])
        content = repr([(name, [tuple(item) for item in self._splits[name]]) for name in sorted(self._splits)])
        self.digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

    def summarised(self, split: str) -> tuple[Summarised, ...]:
        """Return a split's texts with their summaries."""
        return self._splits[split]

    def texts(self, split: str) -> tuple[str, ...]:
        """Return a split's texts and summaries, for tokenizers and pretraining."""
        return tuple(text for item in self._splits[split] for text in (item.text, *item.references))

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Return ROUGE of each summary, chrF, and the signatures of both.

        Raises:
            ValueError: an output is no string, or a batch has too few or too many.
        """
        items = self._splits[split]
        return self._graded(
            generated(predict, batch_size, [one.text for one in items]), [item.references for item in items]
        )

    def _graded(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> Grades:
        chrf = CHRF()
        # Before its signature, which tells the number of references.
        over = ResampledMetric(chrf, answers, list(zip_longest(*references)))
        used = {"ROUGE signature": self._rouge.signature(), "chrF signature": str(chrf.get_signature())}
        return Grades(self._rouge.scores(answers, references), {"chrF": over}, used, {"output": list(answers)})

    def prompts(self) -> Prompts:
        """Return how it is asked for."""
        from harness_language._prompts import SummaryPrompts

        return SummaryPrompts(self)

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return each text and its summaries."""
        items = self._splits[split]
        return {"input": [item.text for item in items], "reference": [list(item.references) for item in items]}

    def rows(self, split: str) -> Iterable[Mapping[str, str]]:
        """Return texts with their summaries, each in a column; an empty cell where a text has fewer."""
        most = max(len(item.references) for items in self._splits.values() for item in items)
        columns = ["text", "summary", *(f"summary{number}" for number in range(2, most + 1))]
        return (dict(zip_longest(columns, (item.text, *item.references), fillvalue="")) for item in self._splits[split])

    def work(self, outputs: Sequence[Any]) -> Mapping[str, int]:
        """Return the words and signs of summaries; a character of some scripts is a word."""
        return {"output_tokens": sum(len(TOKEN.findall(output)) for output in outputs)}

    @cache  # noqa: B019 - the data live as long as the process that evaluates on them
    def random_baseline(self) -> Mapping[str, float]:
        """Return the metrics of random summaries from the training split."""
        generator = random.Random(0)  # noqa: S311 - no secret
        references = [item.references for item in self._splits["test"]]
        answers = generator.choices(self.references("train"), k=len(references))
        grades = self._graded(answers, references)
        rouge = {metric: sum(grades.scores[name]) / len(references) for metric, name in NAMES.items()}
        return rouge | {"chrF": grades.over["chrF"](np.arange(len(references)))}

    def queries(self) -> Sequence[str]:
        """Return the test split's texts."""
        return self.keys("test")

    def keys(self, split: str) -> Sequence[str]:
        """Return a split's texts."""
        return [item.text for item in self._splits[split]]

    def references(self, split: str) -> Sequence[str]:
        """Return the first summary of each text."""
        return [item.references[0] for item in self._splits[split]]

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return some summaries with their references, and the signatures."""
        items = self._splits["test"][:SHOWN]
        answers = generated(predict, SHOWN, [one.text for one in items])
        blocks = [
            f"text       {item.text[:CLIPPED]}\nreference  {' | '.join(item.references)[:CLIPPED]}\n"
            f"answer     {answer[:CLIPPED]}\n"
            for item, answer in zip(items, answers, strict=True)
        ]
        used = self._graded(answers, [item.references for item in items]).used
        text = "\n".join([*blocks, *(f"{name}, over the whole split: {value}" for name, value in used.items()), ""])
        return [Sample(f"{len(items)} summaries", "text/plain", text.encode("utf-8", "replace"))]
