"""Tokens that a server does not say: counted by a named tokenizer and marked, or missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from harness import SuiteError
from harness.plugin_files import import_file
from harness.store import open_store
from harness_endpoints._counting import Counting

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

TURNS = [{"role": "user", "content": "one two three"}, {"role": "assistant", "content": "four"}]
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
SUITE = """name: asked
models: [{{name: "openai:tiny", settings: {{base_url: "{url}", max_tokens: 8, tokenizer: words}}}}]
tasks: [{{name: text-classification, data: mood.csv}}]
batch_sizes: [8]
serve: {{seconds: 0.05, queries: 2}}
"""


@pytest.fixture
def words(tmp_path: Path) -> str:
    """Return a folder with a tokenizer to which a word is a token."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    (tmp_path / "words").mkdir()
    tokenizer.save(str(tmp_path / "words" / "tokenizer.json"))
    return str(tmp_path / "words")


class Said:
    """An answer."""

    text, reasoning = "It is so", "Let me think"


@pytest.mark.parametrize(
    ("prompt", "counted", "row"),
    [
        (TURNS, (None, None), (4, 6, True)),
        ("one two", (None, None), (2, 6, True)),
        (TURNS, (9, None), (9, 6, True)),
        (TURNS, (9, 0), (9, 0, False)),
        (PICTURE, (None, 3), (None, 3, False)),
    ],
)
def test_only_what_is_missing_is_counted(words: str, prompt: Any, counted: Any, row: Any) -> None:
    """A 0 of the server is a count; pictures have none."""
    names = ("input_tokens", "output_tokens")
    filled = Counting(words).filled(dict(zip(names, counted, strict=True)), prompt, Said())  # type: ignore[arg-type]

    assert (*(filled[name] for name in names), filled["estimated"]) == row


def test_without_a_tokenizer_nothing_is_counted() -> None:
    """Missing stays missing."""
    filled = Counting("").filled({"input_tokens": None, "output_tokens": None}, TURNS, Said())  # type: ignore[arg-type]

    assert filled == {"input_tokens": None, "output_tokens": None, "estimated": False}


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    """By its place, with the remedy."""
    with pytest.raises(SuiteError, match=r"There is no .*tokenizer.json\. Set tokenizer to a folder"):
        Counting(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(SuiteError, match=r"is no tokenizer: .* Set tokenizer to another folder"):
        Counting(str(tmp_path))


def test_a_record_marks_what_was_counted_here(words: str, tmp_path: Path, harness_command: Any) -> None:
    """Of the answers, one has no usage of the server."""
    lines = "".join(f"Entry {number} of the diary,{('calm', 'sad')[number % 2]}\n" for number in range(60))
    (tmp_path / "mood.csv").write_text(f"text,label\n{lines}", encoding="utf-8")
    with Server({"tiny": Behaviour(usage="none")}) as one:
        (tmp_path / "asked.yaml").write_text(SUITE.format(url=one.url), encoding="utf-8")
        done = harness_command(tmp_path, "run", "asked.yaml", "--store", "store")
        prompts = one.prompts("asked")
    record = next(each for each in open_store(str(tmp_path / "store")).records() if each.step == "evaluate")
    usage = record.usage["test"]

    assert done.code == 0, done.stderr
    assert set(usage["estimated"]) == {True}
    assert set(usage["input_tokens"]) == {len(prompt.split()) for prompt in prompts}
    assert set(usage["output_tokens"]) == {8}
    assert record.spec["access"]["tokenizer"] == "words"
