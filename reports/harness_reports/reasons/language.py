"""How a language writes what a sentence names: amounts, shares, counts, figures, lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any


@dataclass(frozen=True)
class Language:
    """A catalogue of sentences."""

    sentences: Mapping[str, str]
    """Code → sentence in the form of `str.format`, whose fields are written as `Sentences` says."""
    usd: Callable[[float], str]
    comma: str
    """What is between the parts of a list."""
    either: str
    """What is between alternatives."""
    between: str
    """What is between sentences."""


class Sentences(Formatter):
    """Fills in sentences of a language.

    A field may ask for `usd` (an amount), `share` (whole percent), `count` (four digits, written out), `name` (what a
    figure is called), `names` (a list of them), `shares` (a list of figures with a share each), `either` (reasons of
    which one is enough), or a number's format.
    """

    def __init__(self, language: Language, names: Mapping[str, str]) -> None:
        self._language = language
        self._names = names
        self._writers: dict[str, Callable[[Any], str]] = {
            "usd": language.usd, "share": _share, "count": _count, "name": self._name,
            "names": lambda every: language.comma.join(map(self._name, every)),
            "shares": lambda every: language.comma.join(f"{self._name(name)} {_share(share)}" for name, share in every),
            "either": lambda every: language.either.join(self.sentence(own.code, own.values) for own in every),
        }  # fmt: skip

    def sentence(self, code: str, values: Mapping[str, Any]) -> str:
        """Return the sentence of a code with its values."""
        return self.vformat(self._language.sentences[code], (), values)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a field as the language writes it."""
        write = self._writers.get(format_spec)
        return write(value) if write else str(super().format_field(value, format_spec))

    def _name(self, name: str) -> str:
        return self._names.get(name, name)


def _share(share: float) -> str:
    return f"{share:.0%}"


def _count(number: float) -> str:
    return f"{float(f'{number:.4g}'):,.0f}"
