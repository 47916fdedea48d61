"""How a language writes the fields of a sentence: amounts, shares, counts, figures, lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from harness_reports.cells import digits, share


@dataclass(frozen=True)
class Language:
    """A catalogue of sentences."""

    sentences: Mapping[str, str]
    """Code → sentence for `str.format`, with the formats of `Sentences`."""
    usd: Callable[[float], str]
    comma: str
    """Separator of a list."""
    either: str
    """Separator of alternatives."""
    between: str
    """Separator of sentences."""
    semicolon: str
    """Separator after what is no whole sentence, such as a command that is to be copied."""


class Sentences(Formatter):
    """Fills in sentences of a language.

    Formats of a field: `usd` (an amount), `share` (whole percent), `change` (the same, signed), `count` (four significant digits), `number` (three,
    or whole), `name` (of a figure), `names` (a list of them), `shares` (a list of figures with a share each),
    `counts` (a list of names with a count each), `either` (alternative reasons), `every` (reasons that all hold),
    or a number's format.
    """

    def __init__(self, language: Language, names: Mapping[str, str]) -> None:
        self._language = language
        self._names = names
        self._writers: dict[str, Callable[[Any], str]] = {
            "usd": language.usd, "share": share, "change": _change, "count": _count, "number": _number, "name": self._name,
            "names": lambda names: language.comma.join(map(self._name, names)),
            "shares": lambda pairs: language.comma.join(f"{self._name(name)} {share(part)}" for name, part in pairs),
            "counts": lambda pairs: language.comma.join(f"{count} {self._name(name)}" for name, count in pairs),
            "either": lambda reasons: language.either.join(self.sentence(one.code, one.values) for one in reasons),
            "every": lambda reasons: language.comma.join(self.sentence(one.code, one.values) for one in reasons),
        }  # fmt: skip

    def sentence(self, code: str, values: Mapping[str, Any]) -> str:
        """Return the sentence of a code, filled in."""
        return self.vformat(self._language.sentences[code], (), values)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a field as the language writes it; called by `Formatter`."""
        write = self._writers.get(format_spec)
        return write(value) if write else str(super().format_field(value, format_spec))

    def _name(self, name: str) -> str:
        return self._names.get(name, name)


def _change(change: float) -> str:
    return f"{100 * change:+.0f} %"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else digits(number, 3)  # noqa: PLR2004 - three digits


def _count(number: float) -> str:
    return f"{float(f'{number:.4g}'):,.0f}"
