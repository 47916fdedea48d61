"""Prompts: how an item of a task is asked in words, and how an answer in words becomes an output of its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

Message = dict[str, Any]
"""`role` (`system`, `user`, `assistant`) and `content`: a text, or a list of parts as chat servers take them."""
Content = str | list[dict[str, Any]]


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

    @abstractmethod
    def ask(self, one: Any) -> Content:
        """Return an input in words, without the instruction."""

    @abstractmethod
    def examples(self) -> Sequence[tuple[Any, str]]:
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


def messages(
    prompts: Prompts, one: Any, shots: Sequence[tuple[Any, str]] = (), system: str = ""
) -> list[Message]:  # fmt: skip
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


def _after(instruction: str, content: Content) -> Content:
    """Return the instruction and what follows it."""
    if isinstance(content, str):
        return f"{instruction}\n\n{content}"
    return [{"type": "text", "text": instruction}, *content]
