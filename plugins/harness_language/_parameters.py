"""The default questions: about the parameters of functions in scientific libraries.

A context is the section "Parameters" of a numpydoc docstring, read from the sources without importing them, or the
sections of two neighbouring functions under their names. Questions ask for a parameter's type, default, shape or
meaning in several wordings, and name the function if there are two. An answer is a span of the context.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from harness_language import _sections
from harness_language._cache import cached
from harness_language._sections import LONGEST, Section, roots_of_libraries, sections_by_file

RULE = 2
"""Raise it when questions change for the same sources."""
OF_EACH = 2
"""Questions of one kind about one context, at most."""

WORDINGS = {
    "type": ("What type must {name} have?", "Of which type is {name}?", "What can be given as {name}?"),
    "default": ("What is the default of {name}?", "Which value has {name} if none is given?"),
    "shape": ("Which shape does {name} have?", "How large is the array {name}?"),
    "meaning": ("What is {name}?", "What does {name} stand for?", "What is {name} for?"),
}
_ENTRY = re.compile(r"^(?P<name>\*{0,2}\w+) ?: *(?P<type>[^\n]+)\n(?P<text>(?:[ ]{2,}[^\n]*\n?|\n)+)", re.MULTILINE)
_DEFAULT = re.compile(r"default(?: is|:|=| )\s*(?P<answer>[^,\s)][^,)\n]*)", re.IGNORECASE)
_SHAPE = re.compile(r"shape(?: |=|: )\s*(?P<answer>\([^)\n]*\))")
_END = re.compile(r",? (?:optional|default|of shape|shape)\b")


class Question(NamedTuple):
    """A question, its context, and the answer's span in characters."""

    question: str
    context: str
    start: int
    end: int
    others: tuple[str, ...] = ()
    """Other correct answers."""

    @property
    def answers(self) -> tuple[str, ...]:
        """All correct answers, that of the span first."""
        return (self.context[self.start : self.end], *self.others)


@cache
def questions() -> tuple[Question, ...]:
    """Return all questions, in the order of files and lines; repeated sections are left out.

    Raises:
        ModuleNotFoundError: one of the libraries is not installed.
    """
    roots = roots_of_libraries()
    return tuple(
        Question(question, context, start, end, tuple(others))
        for question, context, start, end, others in cached(roots, lambda: _read(roots), _sections)
    )


def _read(roots: Sequence[Path]) -> list[Question]:
    seen: set[str] = set()
    questions = []
    for root in roots:
        for sections in sections_by_file(root):
            unique = {section.text: section for section in sections}
            new = [section for text, section in unique.items() if text not in seen]
            seen.update(unique)
            questions += [question for context in _contexts(new) for question in _questions(context)]
    return questions


def _contexts(sections: Sequence[Section]) -> Iterator[Sequence[Section]]:
    """Yield sections alone, or half of them (by a hash) with the next one, if both are short enough together."""
    rest = list(sections)
    while rest:
        pair = rest[:2]
        fits = len(pair) > 1 and pair[0].function != pair[1].function and len(_text(pair)) <= LONGEST
        context = pair if fits and int(_hash(pair[0].text), 16) % 2 else pair[:1]
        del rest[: len(context)]
        yield context


def _text(sections: Sequence[Section]) -> str:
    if len(sections) == 1:
        return sections[0].text
    return "\n".join(f"{section.function}(...)\n{section.text}" for section in sections)


def _questions(sections: Sequence[Section]) -> Iterator[Question]:
    """Yield at most `OF_EACH` questions of each kind about a context, chosen by a hash."""
    context = _text(sections)
    answers_by_kind: dict[str, list[tuple[str, int, int]]] = {kind: [] for kind in WORDINGS}
    position = 0
    for section in sections:
        position = context.index(section.text, position)
        suffix = f" in {section.function}" if len(sections) > 1 else ""
        for entry in _ENTRY.finditer(context, position, position + len(section.text)):
            for kind, start, end in _answers(entry):
                if end > start:
                    answers_by_kind[kind].append((entry["name"].lstrip("*") + suffix, start, end))
    for kind, answers in answers_by_kind.items():
        picked = sorted(answers, key=lambda answer: _hash(context + kind + answer[0]))[:OF_EACH]
        for name, start, end in picked:
            wordings = WORDINGS[kind]
            wording = wordings[int(_hash(context + name), 16) % len(wordings)]
            yield Question(wording.format(name=name), context, start, end)


def _answers(entry: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) of the answers in a parameter's entry."""
    start = entry.start("type")
    cut = _END.search(entry["type"])
    yield "type", start, start + len(entry["type"][: cut.start() if cut else None].rstrip())
    for kind, pattern in (("default", _DEFAULT), ("shape", _SHAPE)):
        if match := pattern.search(entry["type"]):
            answer = match["answer"].rstrip(" .")
            yield kind, start + match.start("answer"), start + match.start("answer") + len(answer)
    text = entry["text"]
    first = len(text) - len(text.lstrip())
    sentence = re.match(r"[^.\n]*", text[first:])
    length = len(sentence.group().rstrip()) if sentence else 0
    yield "meaning", entry.start("text") + first, entry.start("text") + first + length


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
