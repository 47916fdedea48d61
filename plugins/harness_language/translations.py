"""Texts with translations: the data of every task of the kind `translation`.

An input is a text in the source language, an output its translation; both are strings.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from harness import Data, Grades, Predict, Prompts, Sample, Unsupported
from harness_language._generated import generated
from harness_language._phrases import Pair
from harness_language._resampled import ResampledMetric
from harness_language._scripts import is_chinese, is_spaceless
from harness_language._split_data import SplitData

__all__ = ["KIND", "Pair", "TranslationData", "tokenizer", "translation_data"]

KIND = "translation"
SHOWN = 10
"""Translations in a sample."""
CLIPPED = 2000
"""Most characters of each text in a sample."""
_TOKENIZERS = {"zh": "zh", "ja": "char", "th": "char", "km": "char", "lo": "char", "my": "char"}
"""Language written without spaces → sacrebleu's tokenizer; others have `13a`."""
LOOKED_AT = 1000
"""Translations whose script is looked at."""


def translation_data(data: Data) -> TranslationData:
    """Return a task's data as pairs of texts.

    Raises:
        Unsupported: the data are of another kind.
    """
    if not isinstance(data, TranslationData):
        raise Unsupported(f"{type(data).__name__} holds no texts with their translations.")
    return data


def tokenizer(locale: str, targets: Sequence[str] = ()) -> str:
    """Return the name of sacrebleu's tokenizer for translations into a locale's language.

    Where the translations are written without spaces their script decides, whatever the locale says: `zh` for Chinese,
    `char` for others. `ja-mecab` would need a dictionary of Japanese.
    """
    of_locale = _TOKENIZERS.get(locale.replace("-", "_").partition("_")[0].lower())
    text = " ".join(targets[:LOOKED_AT])
    if not is_spaceless(text):
        return of_locale or "13a"
    return of_locale or "zh" if is_chinese(text) else "char"


class TranslationData(SplitData[Pair]):
    """Pairs in splits that share no source text, evaluated by sacrebleu (Post, 2018)."""

    row_names: ClassVar[Mapping[str, str]] = {"input": "source", "reference": "target"}

    def __init__(self, splits: Mapping[str, Sequence[Pair]], target_locale: str) -> None:
        """Keep the pairs.

        Args:
            splits: `train`, `validation` and `test`.
            target_locale: of the translations; with their script it decides BLEU's tokenizer.
        """
        super().__init__(splits)
        self._target_locale = target_locale
        self._tokenizer = tokenizer(target_locale, [pair.target for pair in self._splits["train"]])
        content = repr([(name, [tuple(pair) for pair in self._splits[name]]) for name in sorted(self._splits)])
        self.digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

    def pairs(self, split: str) -> tuple[Pair, ...]:
        """Return a split's pairs."""
        return self._splits[split]

    def texts(self, split: str) -> tuple[str, ...]:
        """Return a split's texts in both languages, for tokenizers and pretraining."""
        return tuple(text for pair in self._splits[split] for text in pair)

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Return whether each translation is exact, BLEU and chrF, and sacrebleu's signatures.

        Raises:
            ValueError: an output is no string, or a batch has too few or too many.
        """
        pairs = self._splits[split]
        return self._graded(
            generated(predict, batch_size, [one.source for one in pairs]), [pair.target for pair in pairs]
        )

    def _graded(self, answers: Sequence[str], targets: Sequence[str]) -> Grades:
        exact = [float(answer == target) for answer, target in zip(answers, targets, strict=True)]
        metrics: dict[str, BLEU | CHRF] = {"BLEU": self.bleu(), "chrF": CHRF()}
        over = {name: ResampledMetric(metric, answers, [targets]) for name, metric in metrics.items()}
        signatures = {f"{name} signature": str(metric.get_signature()) for name, metric in metrics.items()}
        return Grades({"exact": exact}, over, signatures, {"output": list(answers)})

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return each text and its translation."""
        pairs = self._splits[split]
        return {"input": [pair.source for pair in pairs], "reference": [pair.target for pair in pairs]}

    def work(self, outputs: Sequence[Any]) -> Mapping[str, int]:
        """Return the number of BLEU's tokens: words and signs, or characters in Chinese."""
        tokenize = self.bleu().tokenizer
        return {"output_tokens": sum(len(tokenize(output).split()) for output in outputs)}

    def bleu(self) -> BLEU:
        """Return sacrebleu's BLEU for the target language."""
        return BLEU(tokenize=self._tokenizer)

    @cache  # noqa: B019 - the data live as long as the process that evaluates on them
    def random_baseline(self) -> Mapping[str, float]:
        """Return the metrics of random translations from the training split."""
        generator = random.Random(0)  # noqa: S311 - no secret
        targets = [pair.target for pair in self._splits["test"]]
        answers = generator.choices([pair.target for pair in self._splits["train"]], k=len(targets))
        grades = self._graded(answers, targets)
        rows = np.arange(len(targets))
        metrics = {name: over(rows) for name, over in grades.over.items()}
        return metrics | {"exact match": sum(grades.scores["exact"]) / len(targets)}

    def prompts(self) -> Prompts:
        """Return how a translation is asked for."""
        from harness_language._prompts import TranslationPrompts, language

        return TranslationPrompts(self, language(self._target_locale))

    def queries(self) -> Sequence[str]:
        """Return the test split's source texts."""
        return [pair.source for pair in self._splits["test"]]

    def keys(self, split: str) -> Sequence[str]:
        """Return a split's source texts."""
        return [pair.source for pair in self._splits[split]]

    def references(self, split: str) -> Sequence[Any]:
        """Return a split's translations."""
        return [pair.target for pair in self._splits[split]]

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return some translations with their references, and sacrebleu's signatures."""
        pairs = self._splits["test"][:SHOWN]
        answers = generated(predict, SHOWN, [one.source for one in pairs])
        blocks = [
            f"source     {pair.source[:CLIPPED]}\nreference  {pair.target[:CLIPPED]}\nanswer     {answer[:CLIPPED]}\n"
            for pair, answer in zip(pairs, answers, strict=True)
        ]
        used = self._graded(answers, [pair.target for pair in pairs]).used
        text = "\n".join([*blocks, *(f"{name}, over the whole split: {value}" for name, value in used.items()), ""])
        return [Sample(f"{len(pairs)} translations", "text/plain", text.encode("utf-8", "replace"))]
