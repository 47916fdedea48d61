"""Language modelling by a served model: the bits of a passage from the probabilities that its server repeats."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Unsupported
from harness.plugin_files import import_file
from harness.plugins import load_plugins
from harness.settings import filled
from harness.store import open_store
from harness_endpoints._answer import Answer
from harness_endpoints._likelihood import FIELDS, _tokens_before, nats

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

TEXT = " 一二 three, four"
SUITE = """name: asked
models: [{{name: "openai:tiny", settings: {{base_url: "{url}"{more}}}}}]
tasks: [{{name: language-modelling, data: input.txt}}]
batch_sizes: [8]
serve: {{seconds: 0.05, queries: 2}}
"""


def bits(text: str) -> float:
    """Return the bits of a text whose every token has a probability, by hand: e^(-1/4) a character."""
    return 0.25 * len(text) / math.log(2)


@pytest.mark.parametrize(("begins", "begin"), [("<s>", ""), ("", "<s>"), ("", "<s> <t>")])
def test_every_token_of_the_text_counts(ask_once: Callable[..., Answer], begins: str, begin: str) -> None:
    """After the first token, which the server or the setting puts before it; what is generated does not count."""
    with Server({"tiny": Behaviour(logprobs=True, begin=begins)}) as one:
        answer = ask_once(one, begin + TEXT, FIELDS, api="completions", stream=False)

    assert nats(answer, TEXT, begin) == pytest.approx(0.25 * len(TEXT))
    assert answer.usage.output_tokens == 1


def test_a_beginning_that_is_no_token_is_refused(ask_once: Callable[..., Answer]) -> None:
    """The tokenizer reads it and the text's first letters as one."""
    with Server({"tiny": Behaviour(logprobs=True)}) as one:
        answer = ask_once(one, "<s>" + TEXT.strip(), FIELDS, api="completions", stream=False)

    with pytest.raises(Unsupported, match="'<s>' as tokens of its own"):
        nats(answer, TEXT.strip(), "<s>")


def test_a_first_token_without_a_probability_is_refused(ask_once: Callable[..., Answer]) -> None:
    """With the setting that helps."""
    with Server({"tiny": Behaviour(logprobs=True)}) as one:
        answer = ask_once(one, TEXT, FIELDS, api="completions", stream=False)

    with pytest.raises(Unsupported, match=r"no probability of the text's first token, ' 一二'\. Set begin"):
        nats(answer, TEXT, "")


@pytest.mark.parametrize(
    ("first", "text", "before"),
    [
        ("<s>", "a b", 1), ("<|begin_of_text|>", "a b", 1), ("[CLS]", "a b", 1), ("", "一二", 0), ("a", "a b", 0),
        ("<s>", "<s> is a tag", 0), ("\ufffd", "一二", 0), ("bytes:\\xe4", "一二", 0), (" a", "a b", 0),
        ("▁a", "a b", 0),
    ],
)  # fmt: skip
def test_only_what_is_surely_no_part_of_the_text_is_left_out(first: str, text: str, before: int) -> None:
    """Half a character or a sign for a blank belong to it: their probability is missed by name, not left out."""
    assert _tokens_before([first, " b"], text, "") == before


def test_a_server_that_repeats_nothing_is_refused(ask_once: Callable[..., Answer]) -> None:
    """Rather than guessed."""
    with Server() as one:
        answer = ask_once(one, TEXT, FIELDS, api="completions", stream=False)

    with pytest.raises(Unsupported, match="does not repeat a prompt with the probabilities"):
        nats(answer, TEXT, "")


def test_without_usage_all_but_the_last_token_are_the_prompt(ask_once: Callable[..., Answer]) -> None:
    """One token was asked for."""
    with Server({"tiny": Behaviour(logprobs=True, begin="<s>", usage="none")}) as one:
        answer = ask_once(one, TEXT, FIELDS, api="completions", stream=False)

    assert nats(answer, TEXT, "") == pytest.approx(0.25 * len(TEXT))


@pytest.fixture
def evaluated(tmp_path: Path, harness_command: Any) -> Callable[..., Any]:
    """Return a function that evaluates on passages, and returns the records and what was asked."""
    passages = [f"Passage {number}. {'It was the best of times, the worst of times. ' * 9}" for number in range(40)]
    (tmp_path / "input.txt").write_text("\n".join(passages), encoding="utf-8")

    def run(how: Any) -> Any:
        with Server({"tiny": how}) as one:
            (tmp_path / "asked.yaml").write_text(SUITE.format(url=one.url, more=""), encoding="utf-8")
            harness_command(tmp_path, "run", "asked.yaml", "--store", "store")
            sent = one.prompts("asked")
        return open_store(str(tmp_path / "store")).records(), sent

    return run


def test_bits_per_byte_are_exact(evaluated: Callable[..., Any], tmp_path: Path) -> None:
    """Of every passage, by hand."""
    records, sent = evaluated(Behaviour(logprobs=True, begin="<s>"))
    task = load_plugins().find("tasks", "language-modelling")
    data: Any = task.data(str(tmp_path / "input.txt"), filled({}, task.settings))
    record = next(each for each in records if each.step == "evaluate")

    assert record.reason is None
    assert record.scores["bits_per_byte"] == pytest.approx([bits(one) / len(one.encode()) for one in data.queries()])
    assert set(data.queries()) <= set(sent)
    assert set(record.usage["test"]["answer"]) == {None}
    assert "nats" not in record.usage["test"]
    assert {each.step: each.outcome for each in records} == {"evaluate": "ok", "serve": "ok"}


def test_a_server_without_probabilities_is_unsupported(evaluated: Callable[..., Any]) -> None:
    """The record says so."""
    records, _ = evaluated(Behaviour())

    assert {each.outcome for each in records if each.step == "evaluate"} == {"unsupported"}
    assert "does not repeat a prompt with the probabilities" in str(records[0].reason)
