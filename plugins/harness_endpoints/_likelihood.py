"""The likelihood of a text, from the probabilities of its tokens that a server repeats with it (`echo`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness import Assignment, Unsupported
from harness.seams.prompts import prompts_of
from harness_endpoints._answer import Answer, Ask
from harness_endpoints._asking import Asking, row_of

FIELDS: Mapping[str, Any] = {"echo": True, "logprobs": 1, "max_tokens": 1, "temperature": 0}
"""One token is generated, as not every server takes 0; it is left out."""
OVER: Mapping[str, Any] = {"api": "completions", "stream": False}
"""The only settings in which tokens are repeated with their probabilities."""


SPECIAL = re.compile(r"<.+>|\[.+\]")
"""How tokens look that are no part of a text: `<s>`, `<|begin_of_text|>`, `[CLS]`."""


def open_asking(name: str, assignment: Assignment) -> Asking:
    """Return what asks a model for the items of a task."""
    return (Scoring if prompts_of(assignment.data).likelihood else Asking)(name, assignment)


class Scoring(Asking):
    """A model that is not asked for answers: an output is the negative log-likelihood of an input, in nats."""

    def __init__(self, name: str, assignment: Assignment) -> None:
        """Keep what is scored."""
        super().__init__(name, replace(assignment, settings={**assignment.settings, **OVER}))
        self._begin = self._settings["begin"]

    def _ask(self, one: Any) -> Ask:
        return Ask(self._begin + str(self._prompts.ask(one)), FIELDS, self._fields)

    def _row(self, answer: Answer, one: Any) -> dict[str, Any]:
        row = row_of(answer)
        return {**row, "answer": None, "nats": nats(answer, str(self._prompts.ask(one)), self._begin)}

    def _output(self, row: Mapping[str, Any], one: Any) -> tuple[Any, str | None]:
        del one
        return row["nats"], None


def nats(answer: Answer, text: str, begin: str) -> float:
    """Return the negative log-likelihood of a text after the model's first token, in nats.

    Raises:
        Unsupported: the server says no probabilities, or none of the text's first token.
    """
    tokens, chances = _of_prompt(answer)
    before = _tokens_before(tokens, text, begin)
    if None in chances[before:]:
        raise Unsupported(
            f"The server says no probability of the text's first token, {tokens[before]!r}. Set begin to the text of "
            "the token with which the model begins, such as <s>."
        )
    return -float(sum(chances[before:]))


def _of_prompt(answer: Answer) -> tuple[list[str], list[Any]]:
    """Return the tokens of the prompt, and the logarithms of their probabilities."""
    echoed = answer.logprobs[0] if answer.logprobs else {}
    tokens, chances = echoed.get("tokens") or [], echoed.get("token_logprobs") or []
    count = answer.usage.input_tokens
    count = len(tokens) - 1 if count is None else count
    if not 0 < count <= len(tokens) == len(chances):
        raise Unsupported(
            "The server does not repeat a prompt with the probabilities of its tokens (fields echo and logprobs of "
            "/completions): the likelihood of a text is not known. Serve the model with vLLM and measure --again, or "
            "leave this task out."
        )
    return tokens[:count], chances[:count]


def _tokens_before(tokens: Sequence[str], text: str, begin: str) -> int:
    """Return how many tokens come before those of the text.

    They are those of `begin`; without it the first one, where it looks like one that the server put there. Of other
    forms (half a character, which vLLM repeats as nothing; a sign for a blank) it is not known: they count as the
    text's.
    """
    if not begin:
        return int(SPECIAL.fullmatch(tokens[0]) is not None and not text.startswith(tokens[0]))
    length = count = 0
    while length < len(begin) and count < len(tokens):
        length += len(tokens[count])
        count += 1
    if length != len(begin):
        raise Unsupported(f"The tokenizer does not read {begin!r} as tokens of its own: begin is no such text.")
    return count
