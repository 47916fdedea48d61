"""A task's prompts in the tokens of a checkpoint: by its chat template, or as a text where it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import AutoConfig, AutoTokenizer

from harness import Data, PluginError
from harness.seams.prompts import Message, Shot, as_text, messages, prompts_of, shown
from harness_checkpoints.folder import SEQUENCES, CheckpointFolder
from harness_checkpoints.hf_codecs import positions


class Wording:
    """How a checkpoint is asked for the items of a task."""

    def __init__(self, folder: CheckpointFolder, data: Data, settings: Mapping[str, Any], seed: int) -> None:
        """Open the tokenizer and draw the shots.

        Raises:
            PluginError: the data cannot be asked, have too few examples, or the tokenizer cannot be opened.
        """
        self.prompts = prompts_of(data)
        self.shots: list[Shot] = shown(self.prompts, settings["shots"], seed)
        self._settings = settings
        self._name = f"hf:{folder.path}"
        self._encodes = folder.generates == SEQUENCES
        place, trusted = settings["tokenizer"] or folder.path, settings["trust_remote_code"]
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=trusted)
        except Exception as error:  # a file of a tokenizer can be wrong in any way
            raise PluginError(
                f"{self._name}: its tokenizer cannot be opened: {type(error).__name__}: {error}. Save it again with "
                "`tokenizer.save_pretrained(folder)`, or name another: --setting tokenizer=FOLDER."
            ) from error
        config = AutoConfig.from_pretrained(folder.path, trust_remote_code=trusted)
        self.positions = positions(config, getattr(config, "pad_token_id", None) or 0)
        """Tokens that the network has positions for."""
        self.templated = bool(self.tokenizer.chat_template)
        """Whether it has a chat template."""

    def tokens(self, one: Any) -> list[int]:
        """Return the prompt of an input.

        Raises:
            PluginError: the chat template refuses it.
        """
        turns = messages(self.prompts, one, self.shots, self._settings["system"])
        if not self._settings["instruction"]:
            first = self.shots[0][0] if self.shots else one
            next(turn for turn in turns if turn["role"] == "user")["content"] = self.prompts.ask(first)
        return self._of_chat(turns) if self.templated else self._of_text(as_text(turns))

    def words(self, tokens: Sequence[int]) -> str:
        """Return what tokens say, without those that only structure a chat."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def _of_chat(self, turns: Sequence[Message]) -> list[int]:
        try:
            encoded = self.tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, return_dict=True, tokenizer_kwargs={"verbose": False}
            )
        except Exception as error:  # templates raise what they like
            raise PluginError(
                f"{self._name}: its chat template refuses the prompts: {error}. Leave out what it does not take: "
                "--setting system= or --setting shots=0."
            ) from error
        return list(encoded["input_ids"])

    def _of_text(self, text: str) -> list[int]:
        ids = list(self.tokenizer(text, verbose=False)["input_ids"])
        if not self._encodes and ids[-1:] == [self.tokenizer.eos_token_id]:
            del ids[-1]  # what has ended is not continued
        return ids or [self.tokenizer.eos_token_id or 0]

    def require_room(self, prompts: Sequence[Sequence[int]]) -> None:
        """Raise where prompts and answers do not fit.

        Raises:
            PluginError: a prompt and the longest answer have more tokens than the network has positions.
        """
        answer = self._settings["max_tokens"]
        needed = [max(len(one), answer) if self._encodes else len(one) + answer for one in prompts]
        over = sum(count > self.positions for count in needed)
        if over:
            raise PluginError(
                f"{self._name}: context too long. It has {self.positions:,} positions; {over:,} of {len(prompts):,} "
                f"prompts (the longest has {max(map(len, prompts)):,} tokens) do not fit with an answer of up to "
                f"{answer:,} tokens. Lower max_tokens, show fewer shots, or leave out the longest inputs."
            )
