"""The default questions: what scientific libraries say about the parameters of their functions.

The sections "Parameters" of numpydoc docstrings are found in the sources, which are never imported. A function's
section is a context, or those of two neighbours, each under its function's name. Of a parameter it is asked what type,
default, shape or meaning it has, in several wordings, and in which function where there are two. An answer is a piece
of the context.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

from harness_language._kept import kept

RULE = 2
"""Raise it whenever the questions that come out change for the same sources."""
LIBRARIES = ("scipy", "sklearn", "pandas")
SHORTEST, LONGEST = 80, 700
"""Characters of a context."""
OF_EACH = 2
"""Questions of one kind asked of one context, at most."""

WORDINGS = {
    "type": ("What type must {name} have?", "Of which type is {name}?", "What can be given as {name}?"),
    "default": ("What is the default of {name}?", "Which value has {name} if none is given?"),
    "shape": ("Which shape does {name} have?", "How large is the array {name}?"),
    "meaning": ("What is {name}?", "What does {name} stand for?", "What is {name} for?"),
}
_SECTION = re.compile(
    r"^(?P<indent> *)Parameters\n(?P=indent)-{3,}\n(?P<body>.*?)"
    r"(?=\n+(?P=indent)[A-Z][\w ]+\n(?P=indent)-{3,}|\"\"\"|''')",
    re.DOTALL | re.MULTILINE,
)
_OWNER = re.compile(r"^ *(?:def|class) (?P<name>\w+)", re.MULTILINE)
_ENTRY = re.compile(r"^(?P<name>\*{0,2}\w+) ?: *(?P<type>[^\n]+)\n(?P<text>(?:[ ]{2,}[^\n]*\n?|\n)+)", re.MULTILINE)
_DEFAULT = re.compile(r"default(?: is|:|=| )\s*(?P<answer>[^,\s)][^,)\n]*)", re.IGNORECASE)
_SHAPE = re.compile(r"shape(?: |=|: )\s*(?P<answer>\([^)\n]*\))")
_END = re.compile(r",? (?:optional|default|of shape|shape)\b")


class Question(NamedTuple):
    """A question, the text to look in, and where the answer stands."""

    question: str
    context: str
    start: int
    end: int
    others: tuple[str, ...] = ()
    """Answers that are as right as the one in that place."""

    @property
    def answers(self) -> tuple[str, ...]:
        """All right answers, that of the place first."""
        return (self.context[self.start : self.end], *self.others)


class Section(NamedTuple):
    """What is said of a function's parameters."""

    function: str
    text: str


@cache
def questions() -> tuple[Question, ...]:
    """Return all questions, in the order of files and lines; a section that occurs twice is asked once.

    Raises:
        ModuleNotFoundError: one of the libraries is not installed.
    """
    roots = [_root(library) for library in LIBRARIES]
    return tuple(
        Question(question, context, start, end, tuple(others))
        for question, context, start, end, others in kept(roots, lambda: _read(roots))
    )


def _read(roots: Sequence[Path]) -> list[Question]:
    read: set[str] = set()
    found = []
    for root in roots:
        for sections in _files(root):
            new = [one for one in {one.text: one for one in sections}.values() if one.text not in read]
            read.update(one.text for one in new)
            found += [question for context in _contexts(new) for question in _asked(context)]
    return found


def _root(library: str) -> Path:
    """Return a library's folder without importing it."""
    spec = importlib.util.find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"The default questions are about {library}. Install it.", name=library)
    return Path(spec.submodule_search_locations[0])


def _files(root: Path) -> Iterator[list[Section]]:
    """Yield the sections of each file."""
    for file in sorted(path for path in root.rglob("*.py") if "tests" not in path.parts):
        yield list(_sections(file.read_text(encoding="utf-8")))


def _sections(source: str) -> Iterator[Section]:
    owners = [(owner.start(), owner["name"]) for owner in _OWNER.finditer(source)]
    for found in _SECTION.finditer(source):
        text = dedent(found["indent"] + found["body"].strip()) + "\n"
        if SHORTEST <= len(text) <= LONGEST:
            above = bisect_left(owners, (found.start(), ""))
            yield Section(owners[above - 1][1] if above else "module", text)


def _contexts(sections: Sequence[Section]) -> Iterator[Sequence[Section]]:
    """Yield sections alone, or with the next one: every second by its text's hash, where the two are not too long."""
    rest = list(sections)
    while rest:
        pair = rest[:2]
        together = len(pair) > 1 and pair[0].function != pair[1].function and len(_text(pair)) <= LONGEST
        taken = pair if together and int(_hash(pair[0].text), 16) % 2 else pair[:1]
        del rest[: len(taken)]
        yield taken


def _text(sections: Sequence[Section]) -> str:
    if len(sections) == 1:
        return sections[0].text
    return "\n".join(f"{one.function}(...)\n{one.text}" for one in sections)


def _asked(sections: Sequence[Section]) -> Iterator[Question]:
    context = _text(sections)
    found: dict[str, list[tuple[str, int, int]]] = {kind: [] for kind in WORDINGS}
    place = 0
    for one in sections:
        place = context.index(one.text, place)
        of = f" in {one.function}" if len(sections) > 1 else ""
        for entry in _ENTRY.finditer(context, place, place + len(one.text)):
            for kind, start, end in _answers(entry):
                if end > start:
                    found[kind].append((entry["name"].lstrip("*") + of, start, end))
    for kind, answers in found.items():
        picked = sorted(answers, key=lambda answer: _hash(context + kind + answer[0]))[:OF_EACH]
        for name, start, end in picked:
            wordings = WORDINGS[kind]
            wording = wordings[int(_hash(context + name), 16) % len(wordings)]
            yield Question(wording.format(name=name), context, start, end)


def _answers(entry: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) of what an entry answers."""
    start = entry.start("type")
    cut = _END.search(entry["type"])
    yield "type", start, start + len(entry["type"][: cut.start() if cut else None].rstrip())
    for kind, pattern in (("default", _DEFAULT), ("shape", _SHAPE)):
        if found := pattern.search(entry["type"]):
            answer = found["answer"].rstrip(" .")
            yield kind, start + found.start("answer"), start + found.start("answer") + len(answer)
    text = entry["text"]
    first = len(text) - len(text.lstrip())
    sentence = re.match(r"[^.\n]*", text[first:])
    length = len(sentence.group().rstrip()) if sentence else 0
    yield "meaning", entry.start("text") + first, entry.start("text") + first + length


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
