"""The baseline of question answering: the sentence that shares most with the question, and the likeliest span in it.

Shared words and pairs count by their inverse document frequency. In that sentence and the next one logistic regression
scores each token as an answer's first and as its last: by its neighbours, and by what is asked. So it learns from the
training split that a name answers "who", and that what follows a colon is a type where it is one.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from harness import Assignment, Learner, Progress, Unsupported
from harness_language._parameters import Question
from harness_language._spans import SIZE, Tokens, featured, sentences, terms
from harness_language.questions import question_data

WEIGHTS = "weights.safetensors"
TERMS = "terms.json"
MOST = 3000
"""Questions that are learned from, evenly spread over the training split: more cost minutes and add little."""
ASKED = 100
"""The most frequent terms of questions, which are features."""
REGULARISATION = 0.3
"""Logistic regression's C."""
LONGEST = 0.98
"""Quantile of the lengths of answers up to which spans are tried."""


class OverlapLearner(Learner):
    """One fit, saved without pickle: terms as JSON, numbers as safetensors."""

    def __init__(self, assignment: Assignment) -> None:
        """Take the assignment; nothing is random.

        Raises:
            Unsupported: a precision other than fp32.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"scikit-learn does not compute in {assignment.precision}. Use fp32.")
        self._assignment = assignment
        self._sentences = 0
        self._frequencies: dict[str, int] = {}
        self._asked: set[str] = set()
        self._weights = np.zeros((2, SIZE))
        self._lengths = np.zeros(1)

    def step(self) -> Progress:
        """Count the terms, and fit the scores of first and last tokens."""
        questions = question_data(self._assignment.data).questions("train")
        chosen = questions[:: max(1, len(questions) // MOST)][:MOST]
        self._count({question.context for question in questions})
        frequent = Counter(term for question in chosen for term in terms(question.question)).most_common()
        self._asked = {term for term, _ in sorted(frequent, key=lambda pair: (-pair[1], pair[0]))[:ASKED]}
        self._fit(chosen)
        return Progress({"samples": len(chosen)}, {}, done=True)

    def _count(self, contexts: set[str]) -> None:
        texts = {context[start:end] for context in contexts for start, end in sentences(context)}
        counts = Counter(term for text in texts for term in terms(text))
        self._sentences = len(texts)
        self._frequencies = {term: count for term, count in counts.items() if count > 1}

    def _fit(self, questions: Sequence[Question]) -> None:
        rows: list[list[int]] = []
        firsts: list[bool] = []
        lasts: list[bool] = []
        lengths: list[int] = []
        for question in questions:
            tokens = self._tokens(question.question, question.context)
            first = [start <= question.start < end for start, end in tokens.spans]
            last = [start < question.end <= end for start, end in tokens.spans]
            if any(first) and any(last):
                rows += tokens.features
                firsts += first
                lasts += last
                lengths.append(last.index(True) - first.index(True) + 1)
        if not lengths or all(firsts) or all(lasts):
            return
        matrix = _matrix(rows)
        self._weights = np.stack([_coefficients(matrix, labels) for labels in (firsts, lasts)])
        longest = int(np.quantile(lengths, LONGEST))
        counts = np.bincount(lengths, minlength=longest + 1)[1 : longest + 1]
        self._lengths = np.log((counts + 0.5) / len(lengths))

    def _tokens(self, question: str, context: str) -> Tokens:
        """Return the tokens of the best sentence and the next one."""
        in_question, parts = terms(question), sentences(context)
        if not parts:
            return Tokens([], [])
        scores = [sum(map(self._weight, in_question.keys() & terms(context[start:end]).keys())) for start, end in parts]
        best = scores.index(max(scores))
        return featured(
            question, [term for term in in_question if term in self._asked], context, parts[best : best + 2]
        )

    def _weight(self, term: str) -> float:
        """Return a term's inverse document frequency."""
        return math.log((self._sentences + 1) / self._frequencies.get(term, 1))

    def save(self, folder: Path) -> None:
        """Write terms and numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {"sentences": self._sentences, "asked": sorted(self._asked), "frequencies": self._frequencies}
        (folder / TERMS).write_text(json.dumps(content, ensure_ascii=False, sort_keys=True), encoding="utf-8")
        save_file({"weights": self._weights, "lengths": self._lengths}, folder / WEIGHTS)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        content = json.loads((folder / TERMS).read_text(encoding="utf-8"))
        self._sentences, self._frequencies = content["sentences"], content["frequencies"]
        self._asked = set(content["asked"])
        numbers = load_file(folder / WEIGHTS)
        self._weights, self._lengths = numbers["weights"], numbers["lengths"]

    def predict(self, inputs: Sequence[Mapping[str, str]]) -> Sequence[Any]:
        """Return (start, end) of each answer, in characters of its context."""
        return [self._answer(self._tokens(item["question"], item["context"])) for item in inputs]

    def _answer(self, tokens: Tokens) -> tuple[int, int]:
        if not tokens.spans:
            return 0, 0
        count = len(tokens.spans)
        first, last = (_matrix(tokens.features) @ self._weights.T).T
        scores = np.full((len(self._lengths), count), -np.inf)
        for further, length in enumerate(self._lengths[:count]):
            scores[further, : count - further] = first[: count - further] + last[further:] + length
        further, start = (int(place) for place in np.unravel_index(scores.argmax(), scores.shape))
        return tokens.spans[start][0], tokens.spans[start + further][1]

    def parameters(self) -> int:
        """Return the number of coefficients."""
        return int(self._weights.size)


def _matrix(rows: Sequence[Sequence[int]]) -> csr_matrix:
    """Return how often each row has each feature, [n, SIZE]."""
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.concatenate([np.asarray(row) for row in rows])
    return csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(rows), SIZE))


def _coefficients(matrix: csr_matrix, labels: Sequence[bool]) -> np.ndarray:
    return np.asarray(LogisticRegression(C=REGULARISATION, max_iter=500).fit(matrix, labels).coef_[0])
