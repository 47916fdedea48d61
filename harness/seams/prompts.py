"""Prompts: how an item of a task is asked in words, and how an answer in words becomes an output of its kind."""

from __future__ import annotations

import random
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import PluginError

if TYPE_CHECKING:
    from harness.seams.task import Data

Message = dict[str, Any]
"""`role` (`system`, `user`, `assistant`) and `content`: a text, or a list of parts as chat servers take them."""
Content = str | list[dict[str, Any]]
_ENDS = " \t\r\n\"'`*.,:;!?。，：“”「」"
"""What may stand around an answer that is otherwise exactly right."""
_SPACELESS = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, kana and Han."""
Shot = tuple[Any, str]
"""An input with its right answer in words."""
CUT_OFF, EMPTY, REFUSED, UNPARSABLE = "cut off", "empty", "refused", "unparsable"
"""Why words are no answer. Such an answer is wrong, and is counted by its name."""


class NotAnAnswerError(ValueError):
    """Words that are no answer to what was asked."""


class Prompts(ABC):
    """What a task says to a model that is asked in words."""

    instruction: str
    """What is asked and how it is to be answered; it begins the first message."""
    choices: Sequence[str] = ()
    """The possible answers, where there are only these."""
    schema: Mapping[str, Any] | None = None
    """The JSON Schema of an answer, where it is JSON."""

    likelihood: bool = False
    """Whether an output is the negative log-likelihood, in nats, of what `ask` returns, and nothing is answered."""

    @abstractmethod
    def ask(self, one: Any) -> Content:
        """Return an input in words, without the instruction."""

    @abstractmethod
    def examples(self) -> Sequence[Shot]:
        """Return the training split: inputs, each with its right answer in words."""

    @abstractmethod
    def read(self, words: str, one: Any) -> Any:
        """Return the output that a model's words stand for.

        Raises:
            NotAnAnswerError: they are no answer.
        """

    @abstractmethod
    def nothing(self) -> Any:
        """Return the output that stands for no answer: it is graded as wrong."""


def prompts_of(data: Data) -> Prompts:
    """Return how the data are asked.

    Raises:
        PluginError: they cannot be.
    """
    if (prompts := data.prompts()) is None:
        raise PluginError(f"{type(data).__name__} does not say how it is asked in words: give it a `prompts()`.")
    return prompts


def shown(prompts: Prompts, count: int, seed: int) -> list[Shot]:
    """Return examples of the training split, drawn with the seed.

    Raises:
        PluginError: there are fewer.
    """
    examples = prompts.examples() if count else ()
    if not 0 <= count <= len(examples):
        raise PluginError(f"shots is {count}; the training split has {len(examples)} examples.")
    return random.Random(seed).sample(list(examples), count)  # noqa: S311 - no secret


def output_of(prompts: Prompts, one: Any, words: str, finish: str | None, *, refused: bool) -> tuple[Any, str | None]:
    """Return the output that an answer stands for, and why it is none, if it is none.

    Args:
        prompts: the task's.
        one: the input that was asked for.
        words: the answer.
        finish: why it ended: `length` where it was cut off.
        refused: whether the model refuses to answer.
    """
    why = REFUSED if refused else CUT_OFF if finish == "length" else None if words.strip() else EMPTY
    if why is None:
        try:
            return prompts.read(words, one), None
        except NotAnAnswerError:
            why = UNPARSABLE
    return prompts.nothing(), why


def messages(prompts: Prompts, one: Any, shots: Sequence[Shot] = (), system: str = "") -> list[Message]:
    """Return the messages that ask for one input, the shots before it.

    Args:
        prompts: the task's.
        one: an input.
        shots: examples with their answers in words.
        system: what the system message says; none where it is empty.
    """
    turns: list[Message] = [{"role": "system", "content": system}] if system else []
    for example, answer in shots:
        turns += [{"role": "user", "content": prompts.ask(example)}, {"role": "assistant", "content": answer}]
    turns.append({"role": "user", "content": prompts.ask(one)})
    first = next(turn for turn in turns if turn["role"] == "user")
    first["content"] = _after(prompts.instruction, first["content"])
    return turns


def as_text(turns: Sequence[Message]) -> str:
    """Return messages as one text to be continued, for models without a chat template."""
    return "\n\n".join(str(turn["content"]) for turn in turns) + "\n\n"


def _after(instruction: str, content: Content) -> Content:
    """Return the instruction and what follows it."""
    if isinstance(content, str):
        return f"{instruction}\n\n{content}"
    return [{"type": "text", "text": instruction}, *content]


def chosen(words: str, choices: Sequence[str]) -> int:
    """Return the place of the choice that an answer names.

    It is the choice that the words are, in any letters, with quotation marks or a full stop around them; else the only
    one that they name as a whole word.

    Raises:
        NotAnAnswerError: they name none, or several.
    """
    places = _exact(words, choices) or _named(words, choices)
    if len(places) != 1:
        raise NotAnAnswerError(f"{words!r:.80} names {len(places)} of the {len(choices)} choices")
    return places[0]


def _exact(words: str, choices: Sequence[str]) -> list[int]:
    """Return the places of the choices that the words are, by the strictest form that any has."""
    forms: tuple[Callable[[str], str], ...] = (str.strip, _bare, lambda text: _bare(text).casefold())
    by_form = ([place for place, one in enumerate(choices) if form(one) == form(words) != ""] for form in forms)
    return next(filter(None, by_form), [])


def _bare(words: str) -> str:
    return words.strip(_ENDS)


def _named(words: str, choices: Sequence[str]) -> list[int]:
    """Return the places of the choices that stand in the words, without those that are part of another one's name."""
    names = [one.strip().casefold() for one in choices]
    named = {place: name for place, name in enumerate(names) if _stands_in(name, words.casefold())}
    return [p for p, name in named.items() if not any(name in other for q, other in named.items() if q != p)]


def _stands_in(name: str, words: str) -> bool:
    """Return whether a name stands in words as a whole."""
    ends = ((at, at + len(name)) for at in range(len(words)) if name and words.startswith(name, at))
    return any(not (_joined(words[:at][-1:], name[0]) or _joined(name[-1], words[end:][:1])) for at, end in ends)


def _joined(left: str, right: str) -> bool:
    """Return whether two characters that follow each other are of one word; scripts without spaces do not say it."""
    return bool(left and right) and all(_is_letter(one) and not _SPACELESS.match(one) for one in (left, right))


def _is_letter(one: str) -> bool:
    """Return whether a character is part of words: a letter, a digit, a mark upon a letter."""
    return one.isalnum() or one == "_" or unicodedata.category(one).startswith("M")
