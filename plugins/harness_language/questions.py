"""Questions about a text: the data of every task of the kind `question-answering`.

An input is a dict with `question` and `context`; an output is an answer: a span of the context, (start, end) in
characters, or a generated string.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import regex

from harness import Data, Grades, Predict, Prompts, Sample, Unsupported
from harness_language._parameters import Question
from harness_language._scripts import TOKEN, is_latin, segmented
from harness_language._split_data import SplitData

KIND = "question-answering"
SHOWN = 10
"""Answers in a sample."""
CLIPPED = 2000
"""Most characters of each text in a sample."""
_PUNCTUATION = regex.compile(rf"[\p{{P}}{re.escape(string.punctuation)}]")
Normalise = Callable[[str], str]


def question_data(data: Data) -> QuestionData:
    """Return a task's data as questions.

    Raises:
        Unsupported: the data are of another kind.
    """
    if not isinstance(data, QuestionData):
        raise Unsupported(f"{type(data).__name__} holds no questions with contexts.")
    return data


class QuestionData(SplitData[Question]):
    """Questions in splits that share no context, evaluated as in SQuAD (Rajpurkar et al., 2016) or MLQA, by script."""

    def __init__(self, splits: Mapping[str, Sequence[Question]]) -> None:
        """Keep the questions.

        Args:
            splits: `train`, `validation` and `test`.
        """
        super().__init__(splits)
        self.digest = hashlib.sha256(repr(sorted(self._splits.items())).encode()).hexdigest()

    def questions(self, split: str) -> tuple[Question, ...]:
        """Return a split's questions with their answers."""
        return self._splits[split]

    def texts(self, split: str) -> tuple[str, ...]:
        """Return a split's contexts and questions, without repetition, for tokenizers and pretraining."""
        return tuple(dict.fromkeys(text for item in self._splits[split] for text in (item.context, item.question)))

    def rows(self, split: str) -> Iterable[Mapping[str, str]]:
        """Return questions with their contexts, an answer and its start, and a JSON list of other answers."""
        return (
            {
                "question": item.question,
                "context": item.context,
                "answer": item.answers[0],
                "start": str(item.start),
                "other_answers": json.dumps(item.others, ensure_ascii=False),
            }
            for item in self._splits[split]
        )

    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Grades:
        """Return for each question whether the answer is exact, and the F1 of its words.

        Raises:
            ValueError: an answer is no text, and no span of its context.
        """
        questions = self._splits[split]
        answers = self._answers(predict, batch_size, questions)
        pairs = list(zip(answers, questions, strict=True))
        scores = {name: [_best(grade, *pair) for pair in pairs] for name, grade in (("exact", exact), ("f1", overlap))}
        return Grades(scores, answers={"output": answers})

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:
        """Return each question with its context and its right answers."""
        questions = self._splits[split]
        return {
            "input": [question.question for question in questions],
            "context": [question.context for question in questions],
            "reference": [list(question.answers) for question in questions],
        }

    @staticmethod
    def _answers(predict: Predict, batch_size: int, questions: Sequence[Question]) -> list[str]:
        answers: list[str] = []
        for start in range(0, len(questions), batch_size):
            batch = questions[start : start + batch_size]
            outputs = predict([_input(question) for question in batch])
            answers += [_text(output, question.context) for output, question in zip(outputs, batch, strict=True)]
        return answers

    def work(self, outputs: Sequence[Any]) -> Mapping[str, int]:
        """Return the words and signs of generated answers, nothing for spans; a character of some scripts is a word."""
        if any(not isinstance(output, str) for output in outputs):
            return {}
        return {"output_tokens": sum(len(TOKEN.findall(output)) for output in outputs)}

    def prompts(self) -> Prompts:
        """Return how a question is asked."""
        from harness_language._prompts import QuestionPrompts

        return QuestionPrompts(self)

    def queries(self) -> Sequence[dict[str, str]]:
        """Return the test split's questions."""
        return [_input(question) for question in self._splits["test"]]

    def keys(self, split: str) -> Sequence[str]:
        """Return the split's contexts, without repetition."""
        return tuple(dict.fromkeys(question.context for question in self._splits[split]))

    def references(self, split: str) -> Sequence[Any]:
        """Return the answers in words."""
        return [question.answers[0] for question in self._splits[split]]

    def random_baseline(self) -> Mapping[str, float]:
        """Return the metrics of answering each question with the answer of another one about the same context.

        A single question about a context is answered with the next context's first answer.
        """
        questions = self._splits["test"]
        by_context: dict[str, list[int]] = {}
        for row, question in enumerate(questions):
            by_context.setdefault(question.context, []).append(row)
        pairs = []
        for rows in by_context.values():
            others = [*rows[1:], rows[0]] if len(rows) > 1 else [(rows[0] + 1) % len(questions)]
            pairs += [(questions[other].answers[0], questions[row]) for row, other in zip(rows, others, strict=True)]
        grades = (("exact match", exact), ("F1", overlap))
        return {name: sum(_best(grade, *pair) for pair in pairs) / len(pairs) for name, grade in grades}

    def show(self, predict: Predict) -> Sequence[Sample]:
        """Return some answers with their references."""
        questions = self._splits["test"][:: max(1, len(self._splits["test"]) // SHOWN)][:SHOWN]
        blocks = [
            f"question   {item.question[:CLIPPED]}\nreference  {' | '.join(item.answers)[:CLIPPED]}\n"
            f"answer     {answer[:CLIPPED]}\n"
            for item, answer in zip(questions, self._answers(predict, SHOWN, questions), strict=True)
        ]
        return [Sample(f"{len(questions)} answers", "text/plain", "\n".join(blocks).encode("utf-8", "replace"))]


def _input(question: Question) -> dict[str, str]:
    return {"question": question.question, "context": question.context}


def _text(output: Any, context: str) -> str:
    """Return an answer's text.

    Raises:
        ValueError: the answer is no text, and no span of the context.
    """
    if isinstance(output, str):
        return output
    try:
        start, end = output
        whole = start == int(start) and end == int(end)
    except (TypeError, ValueError, OverflowError):  # infinity is no integer
        whole = False
    if not (whole and 0 <= start <= end <= len(context)):
        raise ValueError(
            f"The model answered {repr(output)[:CLIPPED]} about a context of {len(context):,} characters. Return a "
            "text, or a span (start, end) with 0 <= start <= end <= its length, in characters."
        )
    return context[int(start) : int(end)]


def _best(grade: Callable[[str, str, Normalise], float], answer: str, question: Question) -> float:
    """Return the best grade of an answer over the correct ones, as SQuAD does."""
    normalise = normalisation(question.context)
    return max(grade(answer, truth, normalise) for truth in question.answers)


@lru_cache(maxsize=1)  # the questions about a context follow each other
def normalisation(context: str) -> Normalise:
    """Return how answers are compared: by SQuAD's rule if the context is in Latin script, else by MLQA's.

    The script decides, as the language is not known. So articles are English ones, as in SQuAD and in XTREME's
    evaluation of XQuAD, and are left out in Latin script only.
    """
    return squad_normalised if is_latin(context) else mlqa_normalised


def squad_normalised(text: str) -> str:
    """Return a text in lower case, without ASCII punctuation and articles, with single spaces."""
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def mlqa_normalised(text: str) -> str:
    """Return a text in lower case, without any punctuation, with spaces around characters of scripts without spaces.

    This is the rule of MLQA (Lewis et al., 2020) for Chinese, which has no articles. Forms of full width stay what
    they are.
    """
    return " ".join(segmented(_PUNCTUATION.sub("", text.lower())))


def exact(answer: str, truth: str, normalise: Normalise = squad_normalised) -> float:
    """Return 1 if the normalised texts are equal, else 0."""
    return float(normalise(answer) == normalise(truth))


def overlap(answer: str, truth: str, normalise: Normalise = squad_normalised) -> float:
    """Return the F1 of the normalised words."""
    words, true_words = normalise(answer).split(), normalise(truth).split()
    if not words or not true_words:
        return float(words == true_words)
    common = (Counter(words) & Counter(true_words)).total()
    if not common:
        return 0.0
    precision, recall = common / len(words), common / len(true_words)
    return 2 * precision * recall / (precision + recall)
