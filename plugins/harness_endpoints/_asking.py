"""Asks an endpoint for a task's items: prompts out, outputs of the task's kind and what they consumed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from harness import Assignment, Data, SuiteError
from harness.json_text import load
from harness.seams.prompts import Message, as_text, messages, output_of, prompts_of, shown
from harness_endpoints._answer import Answer, Ask
from harness_endpoints._answered import Answered
from harness_endpoints._blocking import BlockingClient
from harness_endpoints._client import Endpoint, request_body, request_of
from harness_endpoints._counting import Counting
from harness_endpoints._failures import BAD_REQUEST, REFUSED
from harness_endpoints._load import Load
from harness_endpoints._prices import Entry, entry_of, why_unpriced
from harness_endpoints._spend import Spending
from harness_endpoints._structured import response_format, structured

FOR_OUTPUTS = ("refused", "nats")
"""What is kept of an answer only until its output is made."""


FIXED = {
    "model": "the model's name says which one is asked, priced and capped",
    "messages": "the task's prompts are asked",
    "prompt": "the task's prompts are asked",
    "stream": "the setting stream says whether answers come token by token",
    "n": "one answer is graded for each item",
}
"""Field of a request that the harness sets itself → where it is from."""
LIMITS = ("max_tokens", "max_completion_tokens")


class AskingError(RuntimeError):
    """A request without an answer: what was evaluated so far does not count."""


def check(name: str, data: Data, settings: Mapping[str, Any]) -> list[str]:
    """Return what is to be said before a model is asked for these data.

    Raises:
        PluginError, SuiteError: it cannot be asked; with the remedy.
    """
    prompts = prompts_of(data)
    shown(prompts, settings["shots"], seed=0)
    response_format(prompts, settings["structured"])
    Counting(settings["tokenizer"])
    if settings["api"] == "completions":
        _continued(messages(prompts, data.queries()[0]))
    more_fields(settings)
    with BlockingClient(endpoint(name, settings)) as client:
        client.check()
    note = why_unpriced(settings["base_url"], settings["priced_as"])
    return [] if note is None else [note]


def endpoint(name: str, settings: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint that the settings describe.

    Raises:
        SuiteError: there is no URL, or it is none; or `max_tokens` is below 0.
    """
    if settings["max_tokens"] < 0:
        raise SuiteError(
            f"openai:{name}: max_tokens is {settings['max_tokens']}. Give a number, or 0: as the server allows."
        )
    if not settings["base_url"]:
        raise SuiteError(f"openai:{name} has no URL. Name it: --model openai:{name}@http://127.0.0.1:8000/v1.")
    return Endpoint(
        settings["base_url"],
        name,
        key_variable=settings["key_variable"] or None,
        api=settings["api"],
        stream=settings["stream"],
        time_out_s=settings["time_out_s"],
    )


def more_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the setting `extra_body`.

    Raises:
        SuiteError: it is no JSON object, or holds what the harness sets itself, or a limit that is no whole number.
    """
    text = settings["extra_body"] or "{}"
    try:
        fields = load(text)
    except ValueError as error:
        raise SuiteError(f'extra_body is no JSON: {error}. Give an object such as {{"seed": 1}}.') from None
    if not isinstance(fields, dict):
        raise SuiteError(f'extra_body is {text}. Give a JSON object such as {{"seed": 1}}.')
    if taken := [name for name in FIXED if name in fields]:
        raise SuiteError(f"extra_body holds {taken[0]}. Leave it out: {FIXED[taken[0]]}.")
    for name in LIMITS:
        if name in fields and not (fields[name] is None or type(fields[name]) is int):
            raise SuiteError(f"extra_body: {name} is {fields[name]!r}. Give a whole number.")
    return fields


def price_of(name: str, settings: Mapping[str, Any]) -> Entry | None:
    """Return what a model's calls are paid by, None where they have no price; raises as `entry_of`."""
    return entry_of(name, settings["base_url"], settings["priced_as"])


class Asking:
    """A model that is asked: outputs for inputs, and what the answers consumed."""

    def __init__(self, name: str, assignment: Assignment) -> None:
        """Keep what is asked and how; the connection is made for the first batch."""
        self._settings = assignment.settings
        prompts = prompts_of(assignment.data)
        self._format = response_format(prompts, self._settings["structured"])
        self._prompts = structured(prompts, self._settings["structured"])
        self._shots = shown(self._prompts, self._settings["shots"], assignment.seed)
        self._fields = more_fields(self._settings)
        self._counting = Counting(self._settings["tokenizer"])
        self._endpoint = endpoint(name, self._settings)
        if (entry := price_of(name, self._settings)) is not None:
            timed = assignment.attempts is None
            self._endpoint = replace(self._endpoint, spending=Spending(entry, assignment.spend, waits=not timed))
        self._client: BlockingClient | None = None
        self._open = ExitStack()
        self._answered = Answered(assignment.attempts)
        self._open.callback(self._answered.close)
        self._rows: list[dict[str, Any]] = []
        self.load = Load(self._connected, lambda one: request_of(self._endpoint, self._ask(one)))

    def predict(self, inputs: Sequence[Any]) -> list[Any]:
        """Return an output for each input, in order; all are in flight at once.

        Raises:
            AskingError: a request failed for good, or the server reports impossible usage.
        """
        asks = [self._ask(one) for one in inputs]
        rows: dict[int, dict[str, Any]] = {}
        for place, ask in enumerate(asks):
            if (row := self._answered.take(ask.prompt)) is not None:
                rows[place] = row
        places = [place for place in range(len(asks)) if place not in rows]

        def take(number: int, answer: Answer) -> None:
            prompt, row = asks[places[number]].prompt, self._row(answer, inputs[places[number]])
            rows[places[number]] = row = self._counting.filled(row, prompt, answer)
            self._answered.keep(prompt, row)

        if places:
            self._connected().answers([asks[place] for place in places], take, concurrency=len(places))
        outputs = []
        for place, one in enumerate(inputs):
            row = rows[place]
            output, why = self._output(row, one)
            outputs.append(output)
            self._rows.append({name: value for name, value in row.items() if name not in FOR_OUTPUTS} | {"why": why})
        return outputs

    def _row(self, answer: Answer, one: Any) -> dict[str, Any]:  # noqa: ARG002 - for those that need the input
        """Return what is kept of an answer to an input; raises as `row_of`."""
        return row_of(answer, structured=self._format is not None)

    def _output(self, row: Mapping[str, Any], one: Any) -> tuple[Any, str | None]:
        """Return the output for an input, and why it is no answer, if it is none."""
        return output_of(self._prompts, one, row["answer"], row["finish"], refused=row["refused"])

    def _connected(self) -> BlockingClient:
        if self._client is None:
            self._client = self._open.enter_context(BlockingClient(self._endpoint))
        return self._client

    def body(self, one: Any) -> dict[str, Any]:
        """Return the request that asks for an input."""
        return request_body(self._endpoint, self._ask(one))

    def usage(self) -> dict[str, list[Any]]:
        """Return what the answers since the last call consumed, a column for each figure."""
        rows, self._rows = self._rows, []
        return {name: [each[name] for each in rows] for name in (rows[0] if rows else ())}

    def close(self) -> None:
        """End the connections."""
        self._open.close()

    def _ask(self, one: Any) -> Ask:
        turns = messages(self._prompts, one, self._shots, self._settings["system"])
        fields = {"temperature": self._settings["temperature"], "max_tokens": self._settings["max_tokens"] or None}
        if effort := self._settings["reasoning_effort"]:
            fields["reasoning_effort"] = effort
        if self._format is not None:
            fields["response_format"] = self._format
        return Ask(_continued(turns) if self._settings["api"] == "completions" else turns, fields, self._fields)


def row_of(answer: Answer, *, structured: bool = False) -> dict[str, Any]:
    """Return what a record keeps of an answer; None where the server says nothing.

    Args:
        answer: as it came.
        structured: whether it was to be JSON by a schema, which not all servers take.

    Raises:
        AskingError: it is none.
    """
    if answer.failure not in {None, REFUSED}:
        more = (
            " If it takes no response_format, set structured: none."
            if structured and answer.failure == BAD_REQUEST
            else ""
        )
        raise AskingError(f"{answer.failure}: {answer.detail}{more}")
    if answer.usage_fault is not None:
        raise AskingError(f"impossible usage: {answer.usage_fault}")
    return {
        **answer.usage._asdict(),
        "attempts": answer.attempts,
        "finish": answer.finish,
        "refused": answer.failure == REFUSED,
        "answer": answer.text,
        "model": answer.model,
        "system_fingerprint": answer.version,
        "asked_at": answer.asked_at,
        "first_token_s": answer.first_token_s,
        "latency_s": answer.latency_s,
    }


def _continued(turns: Sequence[Message]) -> str:
    """Return messages as one text to be continued.

    Raises:
        SuiteError: there is more in them than text.
    """
    if not all(isinstance(turn["content"], str) for turn in turns):
        raise SuiteError("Pictures are asked about in messages. Set api: chat.")
    return as_text(turns)
