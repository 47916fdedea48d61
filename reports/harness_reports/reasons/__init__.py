"""Reasons as codes with values, and their sentences in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness_reports.reasons import chinese, english
from harness_reports.reasons.language import Language, Sentences

__all__ = ["LANGUAGES", "NO_REASONS", "Language", "Reason", "Reasons", "as_text"]

LANGUAGES: Mapping[str, Language] = {"en": english.LANGUAGE, "zh": chinese.LANGUAGE}


@dataclass(frozen=True)
class Reason:
    """The reason of a figure, a verdict or a choice.

    `str` gives the English sentence, which tables hold.
    """

    code: str
    """Key of a sentence in every language's catalogue."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the sentence: numbers in the units of the figures, names as in tables."""

    def __hash__(self) -> int:
        """Return a hash, as mappings have none."""
        return hash((self.code, repr(self.values)))

    def sentence(self, language: str = "en", names: Mapping[str, str] | None = None) -> str:
        """Return the sentence in a language.

        Args:
            language: a key of `LANGUAGES`.
            names: figure → its name in that language; default: the column's name.
        """
        return Sentences(LANGUAGES[language], names or {}).sentence(self.code, self.values)

    def __str__(self) -> str:
        """Return the English sentence."""
        return self.sentence()


class Reasons(tuple[Reason, ...]):
    """Several reasons, the most important first."""

    __slots__ = ()

    def sentence(self, language: str = "en", names: Mapping[str, str] | None = None) -> str:
        """Return the sentences in a language, one after the other."""
        return LANGUAGES[language].between.join(reason.sentence(language, names) for reason in self)

    def __str__(self) -> str:
        """Return the English sentences."""
        return self.sentence()


NO_REASONS = Reasons()


def as_text(row: Mapping[str, Any], language: str = "en", names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a row with its reasons as sentences in a language."""
    return {
        name: value.sentence(language, names) if isinstance(value, Reason | Reasons) else value
        for name, value in row.items()
    }
