"""ROUGE, by the library rouge-score: words in Latin script as it finds them, others by their script."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

import regex
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

from harness_language._scripts import CHARACTER, SPACELESS, is_latin

NAMES = {"ROUGE-L": "rougeL", "ROUGE-1": "rouge1", "ROUGE-2": "rouge2"}
"""Metric → the library's name."""
_WORD = regex.compile(rf"{CHARACTER}|[^\W_{SPACELESS}]+")
LOOKED_AT = 1000
"""References whose script is looked at."""


class ByScript(Tokenizer):
    """Words of letters and digits in lower case; a character of a script without spaces is a word.

    In ASCII these are the words of the library's own tokenizer, which knows no other letters.
    """

    def tokenize(self, text: str) -> list[str]:
        """Return the words of a text."""
        return list(_WORD.findall(text.lower()))


class Rouge:
    """The F1 of ROUGE-1, ROUGE-2 and ROUGE-L, without stemming; of several references the best counts for each."""

    def __init__(self, references: Sequence[str]) -> None:
        """Choose the tokenizer: the library's own for references in Latin script, so that figures are comparable."""
        self._by_script = not is_latin(" ".join(references[:LOOKED_AT]))
        tokenizer = ByScript() if self._by_script else None
        self._scorer = RougeScorer(list(NAMES.values()), use_stemmer=False, tokenizer=tokenizer)

    def scores(self, answers: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, list[float]]:
        """Return each metric of each answer, from 0 to 1, by the library's name."""
        pairs = zip(answers, references, strict=True)
        scored = [self._scorer.score_multi(right, answer) for answer, right in pairs]
        return {name: [float(each[name].fmeasure) for each in scored] for name in NAMES.values()}

    def signature(self) -> str:
        """Return what else determines the figures."""
        tokenizer = "by script" if self._by_script else "default"
        return f"rouge-score {version('rouge-score')}, F1, best of the references, no stemming, tokenizer {tokenizer}"
