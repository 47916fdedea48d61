"""The default questions: what scientific libraries say about the parameters of their functions.

The sections "Parameters" of numpydoc docstrings are found in the sources, which are never imported. Each function's
section is a context; of each parameter it is asked what type, default, shape or meaning it has, in several wordings. An
answer is a piece of the context.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

RULE = 1
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


@cache
def questions() -> tuple[Question, ...]:
    """Return all questions, in the order of files and lines; a context that occurs twice is asked once.

    Raises:
        ModuleNotFoundError: one of the libraries is not installed.
    """
    contexts = dict.fromkeys(context for library in LIBRARIES for context in _contexts(library))
    return tuple(question for context in contexts for question in _asked(context))


def _contexts(library: str) -> Iterator[str]:
    spec = importlib.util.find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"The default questions are about {library}. Install it.", name=library)
    root = Path(spec.submodule_search_locations[0])
    for file in sorted(path for path in root.rglob("*.py") if "tests" not in path.parts):
        for found in _SECTION.finditer(file.read_text(encoding="utf-8")):
            context = dedent(found["indent"] + found["body"].strip()) + "\n"
            if SHORTEST <= len(context) <= LONGEST:
                yield context


def _asked(context: str) -> Iterator[Question]:
    found: dict[str, list[tuple[str, int, int]]] = {kind: [] for kind in WORDINGS}
    for entry in _ENTRY.finditer(context):
        for kind, start, end in _answers(entry):
            if end > start:
                found[kind].append((entry["name"].lstrip("*"), start, end))
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
