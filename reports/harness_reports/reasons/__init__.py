"""Reasons as codes with values, and their sentences in each language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from harness.facts import Text
from harness_reports.reasons import chinese, english
from harness_reports.reasons.language import Language, Sentences
from harness_reports.reasons.names import CELLS, COLUMNS, FAILURES, FIGURES, MEASURED, names

__all__ = [
    "LANGUAGES", "Language", "Reason", "Reasons", "as_text", "in_each_language", "named", "speaking", "spoken",
    "translated",
]  # fmt: skip

LANGUAGES: Mapping[str, Language] = {"en": english.LANGUAGE, "zh": chinese.LANGUAGE}
_NAMES = {language: names(place) for place, language in enumerate(LANGUAGES)}
_SPOKEN: ContextVar[str] = ContextVar("spoken", default="en")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Let reasons, tables and the report be in a language, a key of `LANGUAGES`; English elsewhere."""
    token = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def spoken() -> str:
    """Return the language that is spoken here."""
    return _SPOKEN.get()


def translated(text: str) -> str:
    """Return a text in the language that is spoken; as it is where it has no translation."""
    return text.translations.get(spoken(), text) if isinstance(text, Text) else text


def in_each_language(write: Callable[[], str]) -> Text:
    """Return a text that is made once and read in every language, as `write` writes it in each."""
    translations = {}
    for language in LANGUAGES:
        with speaking(language):
            translations[language] = write()
    return Text(translations["en"], translations)


def named(kind: str, name: str, default: str | None = None) -> str:
    """Return the name of a `figure`, a `column` or a `cell` in the language that is spoken.

    Args:
        kind: of what it names.
        name: as in tables.
        default: what stands where that language has no name; else `name`.
    """
    return _NAMES[spoken()].get(f"{kind}_{name}", name if default is None else default)


@cache
def _sentences(language: str) -> Sentences:
    """Return what fills in sentences with the names in tables: of figures, columns, verdicts and failures."""
    place = list(LANGUAGES).index(language)
    tables = {**COLUMNS, **CELLS, **FAILURES, **FIGURES, **MEASURED}
    return Sentences(LANGUAGES[language], {name: translations[place] for name, translations in tables.items()})


@dataclass(frozen=True)
class Reason:
    """The reason of a figure, a verdict or a choice.

    `str` gives the sentence that tables hold.
    """

    code: str
    """Key of a sentence in every language's catalogue."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the sentence: numbers in the units of the figures, names as in tables."""

    def __hash__(self) -> int:
        """Return a hash, as mappings have none."""
        return hash((self.code, self._written))

    @cached_property
    def _written(self) -> str:
        return repr(self.values)

    def sentence(self, language: str | None = None, names: Mapping[str, str] | None = None) -> str:
        """Return the sentence in a language.

        Args:
            language: a key of `LANGUAGES`; default: the one that is spoken.
            names: figure → its name in that language; default: that of the tables.
        """
        chosen = spoken() if language is None else language
        sentences = _sentences(chosen) if names is None else Sentences(LANGUAGES[chosen], names)
        return sentences.sentence(self.code, self.values)

    def __str__(self) -> str:
        """Return the sentence in the language that is spoken."""
        return self.sentence()


_ENDS = (".", "?", "。")


class Reasons(tuple[Reason, ...]):
    """Several reasons, the most important first."""

    __slots__ = ()

    def sentence(self, language: str | None = None, names: Mapping[str, str] | None = None) -> str:
        """Return the sentences in a language, one after the other; after one that ends in a command a semicolon."""
        chosen = spoken() if language is None else language
        sentences = [reason.sentence(chosen, names) for reason in self]
        between, semicolon = LANGUAGES[chosen].between, LANGUAGES[chosen].semicolon
        ended = [f"{each}{between if each.endswith(_ENDS) else semicolon}" for each in sentences[:-1]]
        return "".join([*ended, *sentences[-1:]])

    def __str__(self) -> str:
        """Return the sentences in the language that is spoken."""
        return self.sentence()


def as_text(
    row: Mapping[str, Any], language: str | None = None, names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a row with its reasons as sentences in a language."""
    return {
        name: value.sentence(language, names) if isinstance(value, Reason | Reasons) else value
        for name, value in row.items()
    }
