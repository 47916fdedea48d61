"""Questions about a text: the data of every task of the kind `question-answering`.

An input is a dict with `question` and `context`; an output is an answer: (start, end) of a piece of the context in
characters, or a string that was written.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness import Data, Predict, Sample, Scores, Unsupported
from harness_language._parameters import Question

KIND = "question-answering"
SHOWN = 10
CLIPPED = 2000
"""Characters of a text that a sample shows."""
_TOKEN = re.compile(r"\w+|[^\w\s]")


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

    def smaller(self, train: int, validation: int) -> QuestionData:
        """Return it with fewer questions to learn from and for validation."""
        kept = {"train": self._splits["train"][:train], "validation": self._splits["validation"][:validation]}
        return QuestionData({**self._splits, **kept})

    def texts(self, split: str) -> tuple[str, ...]:
        """Return a split's contexts and questions, each once: what a tokenizer or a pretraining may read."""
        return tuple(dict.fromkeys(text for one in self._splits[split] for text in (one.context, one.question)))

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores:
        """Return for each question whether the answer is exact, and the overlap of its words (F1)."""
        questions = self._splits[split]
        given = list(zip(self._said(predict, batch_size, questions), questions, strict=True))
        return {name: [_best(grade, *one) for one in given] for name, grade in (("exact", exact), ("f1", overlap))}

    @staticmethod
    def _said(predict: Predict, batch_size: int, questions: Sequence[Question]) -> list[str]:
        answers: list[str] = []
        for start in range(0, len(questions), batch_size):
            batch = questions[start : start + batch_size]
            said = predict([_asked(one) for one in batch])
            answers += [_text(answer, one.context) for answer, one in zip(said, batch, strict=True)]
        return answers

    def work(self, outputs: Sequence[Any]) -> Mapping[str, int]:
        """Return the words and signs of answers that were written; one that points writes none."""
        if any(not isinstance(output, str) for output in outputs):
            return {}
        return {"output_tokens": sum(len(_TOKEN.findall(output)) for output in outputs)}

    def queries(self) -> Sequence[dict[str, str]]:
        """Return the test split's questions."""
        return [_asked(one) for one in self._splits["test"]]

    def keys(self, split: str) -> Sequence[str]:
        """Return the split's contexts, each once."""
        return tuple(dict.fromkeys(one.context for one in self._splits[split]))

    def references(self, split: str) -> Sequence[Any]:
        """Return where each answer stands."""
        return [(one.start, one.end) for one in self._splits[split]]

    def random_baseline(self) -> Mapping[str, float]:
        """Return what the answer of another question about the same context reaches: any parameter will do.

        A context that is asked once is guessed with the answer of the next one.
        """
        asked = self._splits["test"]
        by_context: dict[str, list[int]] = {}
        for place, one in enumerate(asked):
            by_context.setdefault(one.context, []).append(place)
        guessed = []
        for places in by_context.values():
            others = [*places[1:], places[0]] if len(places) > 1 else [(places[0] + 1) % len(asked)]
            guessed += [(asked[o].answers[0], asked[place]) for place, o in zip(places, others, strict=True)]
        grades = (("exact match", exact), ("F1", overlap))
        return {name: sum(_best(grade, *one) for one in guessed) / len(guessed) for name, grade in grades}

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return some answers beside what is right."""
        questions = self._splits["test"][:: max(1, len(self._splits["test"]) // SHOWN)][:SHOWN]
        blocks = [
            f"question   {one.question[:CLIPPED]}\nreference  {' | '.join(one.answers)[:CLIPPED]}\n"
            f"answer     {said[:CLIPPED]}\n"
            for one, said in zip(questions, self._said(predict, SHOWN, questions), strict=True)
        ]
        return [Sample(f"{len(questions)} answers", "text/plain", "\n".join(blocks).encode("utf-8", "replace"))]


def _asked(one: Question) -> dict[str, str]:
    return {"question": one.question, "context": one.context}


def _text(answer: Any, context: str) -> str:
    if isinstance(answer, str):
        return answer
    start, end = (int(place) for place in answer)
    return context[start:end]


def _best(grade: Callable[[str, str], float], answer: str, asked: Question) -> float:
    """Grade an answer by the right one that is nearest, as SQuAD does."""
    return max(grade(answer, truth) for truth in asked.answers)


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
