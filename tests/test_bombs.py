"""Small files that would fill the memory or the stack end at once, in every place that reads YAML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.yaml_text import MOST_DEEP, load
from harness_language._rubric import opened
from harness_reports.prices.price_book_file import read_price_book

ALIASES = "\n".join(["a0: &a0 [1, 1, 1]", *(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]" for n in range(1, 12))])
MERGED = "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [{f'*a{n - 1},' * 9}]}}" for n in range(1, 12))])
CHAIN = "\n".join(["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 1000))])
BOMBS = {
    "aliases": (ALIASES, "its aliases stand for more than 100,000 values"),
    "merged keys": (MERGED, "its aliases stand for more than 100,000 values"),
    "a chain of aliases": (CHAIN, "it is nested more than 100 deep"),
    "brackets": ("a: " + "[" * 1_000_000, "it is nested more than 100 deep"),
    "closed brackets": ("a: " + "[" * 200_000 + "]" * 200_000, "it is nested more than 100 deep"),
    "braces": ("{a: " * 500_000, "it is nested more than 100 deep"),
    "dashes": ("- " * 500_000, "it is nested more than 100 deep"),
    "keys of keys": ("? " * 500_000, "it is nested more than 100 deep"),
    "itself": ("a: &a [*a]", "what begins here holds itself by an alias"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_an_error_of_yaml(bomb: str) -> None:
    """Which every reader of it turns into its own sentence."""
    text, message = BOMBS[bomb]
    with pytest.raises(yaml.YAMLError, match=message):
        load(text)


def test_what_is_nested_as_deep_as_it_may_be_is_read() -> None:
    """Without aliases and with them."""
    nested = load("[" * MOST_DEEP + "]" * MOST_DEEP)
    for _ in range(MOST_DEEP - 1):
        (nested,) = nested

    assert nested == []
    assert load("\n".join(CHAIN.splitlines()[:90]))["a89"]


def _of(name: str, file: Path) -> list[str]:
    """Return a command that reads a file of YAML."""
    text = file.read_text(encoding="utf-8")
    return {
        "suite": ["run", str(file), "--dry-run"],
        "use case": ["table", "viability", "--plugin", str(file), "--store", "."],
        "plan of a use case": ["run", "quick", "--dry-run", "--plugin", str(file)],
        "setting": ["run", "quick", "--dry-run", "--model", "bert", f"--setting=learning_rate={text}"],
    }[name]


@pytest.mark.parametrize("name", ["suite", "use case", "plan of a use case", "setting"])
@pytest.mark.parametrize("bomb", ["aliases", "closed brackets"])
def test_a_command_ends_with_a_sentence(
    name: str, bomb: str, tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """Exit code 2 and the file's name; nothing is written."""
    file = tmp_path / "given.yaml"
    text, message = BOMBS[bomb]
    file.write_text(text[:60_000], encoding="utf-8")
    done = harness_command(tmp_path, *_of(name, file))

    assert done.code == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert name == "setting" or "given.yaml" in done.stderr
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("read", [lambda file: opened(str(file)), read_price_book], ids=["rubric", "price book"])
@pytest.mark.parametrize("bomb", ["aliases", "braces"])
def test_rubrics_and_prices_are_read_by_the_same_rule(
    read: Callable[[Path], object], bomb: str, tmp_path: Path
) -> None:
    """With the file's name."""
    from harness.errors import HarnessError

    file = tmp_path / "given.yaml"
    text, message = BOMBS[bomb]
    file.write_text(text, encoding="utf-8")

    with pytest.raises(HarnessError, match=rf"given\.yaml.*{message}"):
        read(file)
