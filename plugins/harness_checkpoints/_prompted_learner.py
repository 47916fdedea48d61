"""Answers a task's inputs in words with a checkpoint's network, and counts what the answers consume."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from harness import Assignment, Learner, Predict, Progress, Unsupported
from harness.seams.predictors import Usage
from harness.seams.prompts import output_of
from harness_checkpoints._generation import Generator
from harness_checkpoints._wording import Wording
from harness_checkpoints.folder import CheckpointFolder


class PromptedLearner(Learner):
    """A network that generates text, as it is."""

    def __init__(self, assignment: Assignment, folder: CheckpointFolder) -> None:
        """Keep what is asked and how; the network is loaded at its first use."""
        self._assignment = assignment
        self._settings = assignment.settings
        self._folder = folder
        trusted = self._settings["trust_remote_code"]
        self._generator = Generator(folder, assignment.device, assignment.precision, trusted=trusted)
        self._rows: list[dict[str, Any]] = []
        self._asked = 0

    @cached_property
    def _wording(self) -> Wording:
        return Wording(self._folder, self._assignment.data, self._settings, self._assignment.seed)

    def predict(self, inputs: Sequence[Any]) -> list[Any]:
        """Return an output for each input; they are generated together."""
        outputs, rows = self._answered(inputs, self._settings["max_tokens"])
        self._rows += rows
        return outputs

    def first(self) -> Predict:
        """Return what stops at the first token."""
        return lambda inputs: self._answered(inputs, 1)[0]

    def usage(self) -> Usage:
        """Return what says what the answers of `predict` since the last call consumed, by the checkpoint's tokens."""
        return self._taken

    def _taken(self) -> dict[str, list[Any]]:
        rows, self._rows = self._rows, []
        return {name: [each[name] for each in rows] for name in (rows[0] if rows else ())}

    def _answered(self, inputs: Sequence[Any], max_tokens: int) -> tuple[list[Any], list[dict[str, Any]]]:
        """Return outputs, and what each answer consumed."""
        prompts = [self._wording.tokens(one) for one in inputs]
        self._wording.require_room(prompts)
        self.module()
        self._asked += len(inputs)  # the draws of a batch are not those of the one before
        seed = self._assignment.seed + self._asked
        written = self._generator.write(prompts, max_tokens, self._settings["temperature"], seed)
        outputs, rows = [], []
        for one, prompt, answer in zip(inputs, prompts, written, strict=True):
            words = self._wording.words(answer.tokens)
            output, why = output_of(self._wording.prompts, one, words, answer.finish, refused=False)
            outputs.append(output)
            rows.append({
                "input_tokens": len(prompt), "output_tokens": len(answer.tokens), "attempts": 1,
                "finish": answer.finish, "answer": words, "why": why,
            })  # fmt: skip
        return outputs, rows

    def module(self) -> Any:
        """Return the network, loaded; it is served and not exported."""
        self._generator.ends(self._wording.tokenizer.eos_token_id)
        return self._generator.network

    def parameters(self) -> int:
        """Return the number of parameters."""
        return sum(weight.numel() for weight in self.module().parameters())

    def step(self) -> Progress:
        """Refuse: nothing trains it."""
        self._refuse()

    def save(self, folder: Path) -> None:
        """Refuse: nothing of it is trained or exported."""
        del folder
        self._refuse()

    def load(self, folder: Path) -> None:
        """Refuse, as `save` does."""
        del folder
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Unsupported(f"hf:{self._folder.path} is asked as it is: nothing of it is trained, saved or exported.")
