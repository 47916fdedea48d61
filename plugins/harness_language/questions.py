"""Questions about a text: the data of every task of the kind `question-answering`.

An input is a dict with `question` and `context`; an output is an answer: a string, or (start, end) of a piece of the
context in characters.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness import Data, Predict, Scores, Unsupported
from harness_language._parameters import Question

KIND = "question-answering"


def asked(data: Data) -> QuestionData:
    """Return a task's data as questions.

    Raises:
        Unsupported: the data are of another kind.
    """
    if not isinstance(data, QuestionData):
        raise Unsupported(f"{type(data).__name__} holds no questions with contexts.")
    return data


class QuestionData(Data):
    """Questions in splits that share no context, graded as SQuAD grades (Rajpurkar et al., 2016)."""

    def __init__(self, splits: Mapping[str, Sequence[Question]]) -> None:
        """Keep the questions.

        Args:
            splits: `train`, `validation` and `test`.
        """
        self._splits = {name: tuple(questions) for name, questions in splits.items()}
        self.sizes = {name: len(questions) for name, questions in self._splits.items()}
        self.digest = hashlib.sha256(repr(sorted(self._splits.items())).encode()).hexdigest()

    def questions(self, split: str) -> tuple[Question, ...]:
        """Return a split's questions with their answers."""
        return self._splits[split]

    def texts(self, split: str) -> tuple[str, ...]:
        """Return a split's contexts, each once: what a tokenizer or a pretraining may read."""
        return tuple(dict.fromkeys(one.context for one in self._splits[split]))

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores:
        """Return for each question whether the answer is exact, and the overlap of its words (F1)."""
        questions = self._splits[split]
        answers: list[str] = []
        for start in range(0, len(questions), batch_size):
            batch = questions[start : start + batch_size]
            said = predict([_asked(one) for one in batch])
            answers += [_text(answer, one.context) for answer, one in zip(said, batch, strict=True)]
        truths = [one.context[one.start : one.end] for one in questions]
        pairs = list(zip(answers, truths, strict=True))
        return {"exact": [exact(*pair) for pair in pairs], "f1": [overlap(*pair) for pair in pairs]}

    def queries(self) -> Sequence[dict[str, str]]:
        """Return the test split's questions."""
        return [_asked(one) for one in self._splits["test"]]

    def keys(self, split: str) -> Sequence[str]:
        """Return the split's contexts."""
        return self.texts(split)

    def references(self, split: str) -> Sequence[Any]:
        """Return where each answer stands."""
        return [(one.start, one.end) for one in self._splits[split]]

    def chance(self) -> Mapping[str, float]:
        """Return what the answer of another question about the same context reaches: any parameter will do."""
        by_context: dict[str, list[str]] = {}
        for one in self._splits["test"]:
            by_context.setdefault(one.context, []).append(one.context[one.start : one.end])
        pairs = [
            (answers[(place + 1) % len(answers)], truth)
            for answers in by_context.values()
            for place, truth in enumerate(answers)
            if len(answers) > 1
        ]
        return {
            "exact match": sum(exact(*pair) for pair in pairs) / len(pairs),
            "F1": sum(overlap(*pair) for pair in pairs) / len(pairs),
        }


def _asked(one: Question) -> dict[str, str]:
    return {"question": one.question, "context": one.context}


def _text(answer: Any, context: str) -> str:
    if isinstance(answer, str):
        return answer
    start, end = (int(place) for place in answer)
    return context[start:end]


def normalised(text: str) -> str:
    """Return a text as SQuAD compares it: lower case, without punctuation and articles, single blanks."""
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def exact(answer: str, truth: str) -> float:
    """Return 1 where two answers are the same once normalised."""
    return float(normalised(answer) == normalised(truth))


def overlap(answer: str, truth: str) -> float:
    """Return the F1 of the words of an answer."""
    said, wanted = normalised(answer).split(), normalised(truth).split()
    if not said or not wanted:
        return float(said == wanted)
    common = (Counter(said) & Counter(wanted)).total()
    return 2 * common / (len(said) + len(wanted))
