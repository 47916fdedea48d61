"""How the tasks of language are asked in words, and how answers in words become outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness import NotAnAnswerError, Prompts
from harness.class_prompts import ClassPrompts
from harness.json_text import load
from harness_language._scripts import words as words_of

if TYPE_CHECKING:
    from harness_language.extraction import ExtractionData
    from harness_language.questions import QuestionData
    from harness_language.summaries import SummaryData
    from harness_language.translations import TranslationData

_BLOCK = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)


class TextPrompts(ClassPrompts):
    """The class of a text."""

    noun = "text"

    def ask(self, one: str) -> str:
        """Return the text."""
        return one


class QuestionPrompts(Prompts):
    """Words of the context. The answer is taken as it is said, without white space around it."""

    instruction = (
        "Answer the question with words copied exactly from the context, as few as answer it, and with nothing else."
    )

    def __init__(self, data: QuestionData) -> None:
        """Keep the data."""
        self._data = data

    def ask(self, one: dict[str, str]) -> str:
        """Return context and question."""
        return f"Context: {one['context']}\n\nQuestion: {one['question']}"

    def examples(self) -> Sequence[tuple[dict[str, str], str]]:
        """Return the training questions with their first answers."""
        questions = self._data.questions("train")
        return [({"question": one.question, "context": one.context}, one.answers[0]) for one in questions]

    def read(self, words: str, one: dict[str, str]) -> str:  # noqa: ARG002 - graded by its words, wherever they stand
        """Return the words.

        Raises:
            NotAnAnswerError: there are none.
        """
        return some_words(words)

    def nothing(self) -> str:
        """Return an empty answer."""
        return ""


class TranslationPrompts(Prompts):
    """A translation, as it is said, without white space around it."""

    def __init__(self, data: TranslationData, language: str) -> None:
        """Keep the data.

        Args:
            data: the pairs.
            language: to translate into, as English calls it.
        """
        self._data = data
        self.instruction = f"Translate the text into {language}. Answer with the translation, and with nothing else."

    def ask(self, one: str) -> str:
        """Return the text."""
        return one

    def examples(self) -> Sequence[tuple[str, str]]:
        """Return the training pairs."""
        return [(pair.source, pair.target) for pair in self._data.pairs("train")]

    def read(self, words: str, one: str) -> str:  # noqa: ARG002 - a translation does not depend on the text
        """Return the words.

        Raises:
            NotAnAnswerError: there are none.
        """
        return some_words(words)

    def nothing(self) -> str:
        """Return an empty translation."""
        return ""


class ExtractPrompts(Prompts):
    """JSON by the data's schema: the whole answer, or what stands in its only block of code."""

    def __init__(self, data: ExtractionData) -> None:
        """Keep the data and the schema."""
        self._data = data
        self.schema = data.schema
        self.instruction = (
            "Find in the text what this JSON Schema describes. Answer with JSON that meets it, and with nothing else:\n"
            f"{json.dumps(data.schema, ensure_ascii=False)}"
        )

    def ask(self, one: str) -> str:
        """Return the text."""
        return one

    def examples(self) -> Sequence[tuple[str, str]]:
        """Return the training texts with their values in JSON."""
        return [(one.text, json.dumps(one.value, ensure_ascii=False)) for one in self._data.pairs("train")]

    def read(self, words: str, one: str) -> Any:  # noqa: ARG002 - JSON is read without the text
        """Return the JSON value; whether it meets the schema is graded.

        Raises:
            NotAnAnswerError: it is no JSON.
        """
        blocks = _BLOCK.findall(words)
        try:
            return load(blocks[0] if len(blocks) == 1 else words)
        except ValueError as error:
            raise NotAnAnswerError(f"it is no JSON: {error}") from None

    def nothing(self) -> None:
        """Return null, which is never right."""
        return


class SummaryPrompts(Prompts):
    """A summary, as it is said, without white space around it."""

    def __init__(self, data: SummaryData) -> None:
        """Keep the data; the instruction says how long their summaries are."""
        self._data = data
        lengths = sorted(len(words_of(reference)) for item in data.summarised("train") for reference in item.references)
        self.instruction = (
            f"Summarise the text in about {lengths[len(lengths) // 2]} words, in its own language. Answer with the "
            "summary, and with nothing else."
        )

    def ask(self, one: str) -> str:
        """Return the text."""
        return one

    def examples(self) -> Sequence[tuple[str, str]]:
        """Return the training texts with their first summaries."""
        return [(one.text, one.references[0]) for one in self._data.summarised("train")]

    def read(self, words: str, one: str) -> str:  # noqa: ARG002 - a summary is graded by its references
        """Return the words.

        Raises:
            NotAnAnswerError: there are none.
        """
        return some_words(words)

    def nothing(self) -> str:
        """Return an empty summary."""
        return ""


class PassagePrompts(Prompts):
    """A passage whose likelihood is asked for, with nothing before it."""

    instruction = ""
    likelihood = True

    def ask(self, one: str) -> str:
        """Return the passage."""
        return one

    def examples(self) -> Sequence[tuple[str, str]]:
        """Return none: nothing stands before a passage."""
        return ()

    def read(self, words: str, one: str) -> float:
        """Refuse: words are no likelihood.

        Raises:
            NotAnAnswerError: always.
        """
        del one
        raise NotAnAnswerError(f"{words!r:.80} is no likelihood")

    def nothing(self) -> float:
        """Return infinity: no passage is less likely."""
        return float("inf")


def language(locale: str) -> str:
    """Return the English name of a locale's language, or the locale where it is unknown."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(locale, sep="-" if "-" in locale else "_").english_name or locale
    except (UnknownLocaleError, ValueError):
        return locale


def some_words(words: str) -> str:
    """Return words without white space around them.

    Raises:
        NotAnAnswerError: there are none.
    """
    if not (answer := words.strip()):
        raise NotAnAnswerError("it is empty")
    return answer
