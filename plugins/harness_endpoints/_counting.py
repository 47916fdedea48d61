"""Counts the tokens that a server does not say, by a tokenizer that the user names; such counts are marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import SuiteError
from harness_endpoints._answer import Answer

FILE = "tokenizer.json"


class Counting:
    """What a tokenizer counts: the contents of messages, without what a chat template puts around them."""

    def __init__(self, folder: str) -> None:
        """Load the tokenizer in a folder; without a folder nothing is counted.

        Raises:
            SuiteError: there is none, or it cannot be read.
        """
        self._tokenizer = _loaded(folder) if folder else None

    def filled(
        self, row: Mapping[str, Any], prompt: str | Sequence[Mapping[str, Any]], answer: Answer
    ) -> dict[str, Any]:
        """Return a row of usage with its missing totals, and whether any of them is estimated."""
        texts = {"input_tokens": _texts(prompt), "output_tokens": [answer.reasoning, answer.text]}
        counts = {name: self._count(texts[name]) for name in texts if row[name] is None}
        added = {name: count for name, count in counts.items() if count is not None}
        return {**row, **added, "estimated": bool(added)}

    def _count(self, texts: Sequence[str] | None) -> int | None:
        if self._tokenizer is None or texts is None:
            return None
        return sum(len(self._tokenizer.encode(text, add_special_tokens=False).ids) for text in texts)


def _texts(prompt: str | Sequence[Mapping[str, Any]]) -> list[str] | None:
    """Return the texts of a prompt; None where it has pictures, whose tokens no tokenizer knows."""
    if isinstance(prompt, str):
        return [prompt]
    contents = [turn["content"] for turn in prompt]
    return contents if all(isinstance(content, str) for content in contents) else None


def _loaded(folder: str) -> Any:
    from tokenizers import Tokenizer

    file = Path(folder).expanduser() / FILE
    if not file.is_file():
        raise SuiteError(f"There is no {file}. Set tokenizer to a folder with a {FILE}, such as the model's own.")
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        raise SuiteError(f"{file} is no tokenizer: {error}. Set tokenizer to another folder.") from None
