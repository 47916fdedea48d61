"""`openai:NAME@URL`, a served model: it is asked as it is, and nothing trains it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import Assignment, Data, Learner, Model, PluginError, Quote, Setting, Unsupported
from harness_endpoints.remote import DEVICE

KINDS = (
    "text-classification", "question-answering", "translation", "information-extraction", "summarization",
    "open-answers", "image-classification", "language-modelling",
)  # fmt: skip
"""The kinds of task whose data say how they are asked in words."""


def open_reference(reference: str) -> Model:
    """Return the model of `NAME` or `NAME@URL`.

    Raises:
        PluginError: there is no name, or a URL without a scheme.
    """
    at = re.search("@http", reference, re.IGNORECASE)
    name, url = (reference, "") if at is None else (reference[: at.start()], reference[at.start() + 1 :])
    if at is None and (host := re.search(r"@([\w.-]+(:\d|/).*)", name)):
        raise PluginError(f"The URL has no scheme: write openai:{name[: host.start()]}@http://{host[1]}, or @https://.")
    if not name:
        raise PluginError("A served model has a name and a URL: openai:NAME@http://127.0.0.1:8000/v1.")
    return Served(name, url)


class Served(Model):
    """A model behind a URL."""

    imports = ("aiohttp", "harness_endpoints._asking")
    kinds = KINDS
    starts = ("as-is",)
    devices = (DEVICE,)
    settings: ClassVar[Mapping[str, Setting]] = {
        "base_url": Setting("", "URL of the server with its version: http://127.0.0.1:8000/v1.", access=True),
        "key_variable": Setting("", "Name of the environment variable that holds the key, if any.", access=True),
        "priced_as": Setting("", "PROVIDER/MODEL whose price calls have; by default found by the URL.", access=True),
        "time_out_s": Setting(600.0, "Longest time of one request.", access=True),
        "tokenizer": Setting(
            "", "Folder with a tokenizer.json that counts the tokens which the server does not say.", access=True
        ),
        "api": Setting("chat", "What is called.", ("chat", "completions")),
        "stream": Setting(True, "Whether answers come token by token."),
        "system": Setting("", "The system message."),
        "shots": Setting(0, "Examples of the training split that are shown with their answers."),
        "temperature": Setting(0.0, "0: the most probable token."),
        "max_tokens": Setting(0, "Tokens of the longest answer; 0: as the server allows."),
        "reasoning_effort": Setting("", "low, medium, high, … where the model takes it."),
        "structured": Setting(
            "none",
            "JSON that the server enforces, for tasks with a schema: by the schema, any object, or none.",
            ("none", "object", "schema"),
        ),
        "begin": Setting(
            "",
            "For language modelling: the text of the token with which the model begins, where its server does not put "
            "it before a prompt.",
        ),
        "extra_body": Setting("", 'More fields of a request, in JSON: {"seed": 1}. null leaves a field out.'),
    }

    def __init__(self, name: str, url: str) -> None:
        """Set name and URL; without one, the setting says it."""
        self.name = f"openai:{name}"  # type: ignore[misc]  # its reference is its name
        self.summary = f"Served model {name}"  # type: ignore[misc]
        if url:
            base_url = type(self).settings["base_url"]._replace(default=url)
            self.settings = {**type(self).settings, "base_url": base_url}  # type: ignore[misc]

    def check(self, data: Data, settings: Mapping[str, Any], start: str) -> Sequence[str]:  # noqa: ARG002 - it has one start
        """Return that no price is known where calls may cost money; called before anything is asked of the model.

        Raises:
            PluginError: the data cannot be asked in words, or there are too few examples.
            SuiteError: no server, another model, a wrong key; with the remedy.
        """
        from harness_endpoints._asking import check

        return check(self.name.partition(":")[2], data, settings)

    def quote(self, data: Data, settings: Mapping[str, Any], inputs: Sequence[Any], seed: int) -> Quote:
        """Return what asking for inputs consumes and costs at most, by today's prices.

        Raises:
            SuiteError: its calls are paid by the token and no answer has a limit, or their price is not known.
        """
        from harness_endpoints._quote import quote

        return quote(self.name.partition(":")[2], data, settings, inputs, seed)

    def learner(self, assignment: Assignment) -> Learner:
        """Refuse: it is served."""
        del assignment
        raise Unsupported(f"{self.name} is served: it is asked over HTTP and not trained.")
