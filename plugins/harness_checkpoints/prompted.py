"""`hf:`, a checkpoint that generates text: asked in words as it is, or trained as a classifier."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import Assignment, Data, Learner, Model, Setting, SuiteError, Unsupported
from harness.seams.model import START
from harness_checkpoints.folder import TEXTS, CheckpointFolder, find_folder, generators
from harness_checkpoints.hf import Checkpoint, classified

KINDS = (TEXTS, "question-answering", "translation", "information-extraction", "summarization", "open-answers")
"""The kinds of task whose data say how they are asked in words."""


def open_checkpoint(reference: str) -> Model:
    """Return the model of a checkpoint.

    Raises:
        PluginError: there is no checkpoint, or transformers builds nothing of its architecture that is used here.
    """
    folder = find_folder(reference)
    return PromptedCheckpoint(reference, folder) if folder.generates else Checkpoint(reference, folder)


class PromptedCheckpoint(Checkpoint):
    """A causal or sequence-to-sequence checkpoint.

    As it is, it is asked in words, evaluated and served. From the other starts it is fine-tuned to classify, where
    transformers has a classifier of its architecture.
    """

    imports = (*Checkpoint.imports, "harness_checkpoints._prompted_learner")
    settings: ClassVar[Mapping[str, Setting]] = {
        **Checkpoint.settings,
        "system": Setting("", "As it is: the system message."),
        "instruction": Setting(True, "As it is: whether the task's instruction is said, or an input alone."),
        "shots": Setting(0, "As it is: examples of the training split that are shown with their answers."),
        "temperature": Setting(0.0, "As it is: 0 takes the most probable token."),
        "max_tokens": Setting(256, "As it is: the longest answer."),
    }

    def __init__(self, reference: str, folder: CheckpointFolder) -> None:
        """Set the name, and what it can do."""
        super().__init__(reference, folder)
        self.starts = self.starts_on(TEXTS)  # type: ignore[misc]

    def kinds_of(self, folder: CheckpointFolder) -> tuple[str, ...]:
        """Return the kinds that are asked in words."""
        self._trained = classified(folder)
        return KINDS

    def starts_on(self, kind: str) -> tuple[START, ...]:
        """Return every start where it can be trained, else `as-is` alone."""
        return ("pretrained", "scratch", "as-is") if kind in self._trained else ("as-is",)

    def formats_of(self, start: str) -> tuple[str, ...]:
        """Return the formats of its classifier; what generates is not exported."""
        return () if start == "as-is" else self.formats

    def needs_remote_code(self) -> bool:
        """Return whether transformers lacks the architecture."""
        return self.folder.model_type not in generators(self.folder.generates)

    def check(self, data: Data, settings: Mapping[str, Any], start: str) -> Sequence[str]:
        """Return how it is asked, or how it takes up the data's classes where it is trained.

        Raises:
            PluginError: as it is, weights are missing, or its chat template or its positions do not take the prompts;
                else see `Checkpoint.check`.
            SuiteError: a setting makes no sense.
        """
        if start != "as-is":
            return super().check(data, settings, start)
        case = json.dumps([data.digest, settings, start], sort_keys=True)
        if case not in self._said:  # a plan asks for each of its steps
            self._said[case] = self._on_prompts(data, settings)
        return self._said[case]

    def _on_prompts(self, data: Data, settings: Mapping[str, Any]) -> list[str]:
        from harness_checkpoints._wording import Wording
        from harness_checkpoints.weights import inspect, require_body

        if settings["max_tokens"] < 1 or settings["temperature"] < 0:
            raise SuiteError(
                f"{self.name}: max_tokens is {settings['max_tokens']} and temperature {settings['temperature']}. Give "
                "at least one token, and a temperature of 0 or more."
            )
        wording = Wording(self.folder, data, settings, seed=0)
        wording.require_room([wording.tokens(one) for one in data.queries()])
        require_body(self.folder, inspect(self.folder, self.folder.generates, trusted=settings["trust_remote_code"]))
        if wording.templated:
            return []
        return [f"{self.name}: it has no chat template. It is asked by a text that ends with an empty line."]

    def learner(self, assignment: Assignment) -> Learner:
        """Build what asks it, or a learner of its classifier.

        Raises:
            Unsupported: it is to be trained for what it is only asked for.
        """
        if assignment.as_is:
            from harness_checkpoints._prompted_learner import PromptedLearner

            return PromptedLearner(assignment, self.folder)
        if not (self._trained and hasattr(assignment.data, "classes")):
            raise Unsupported(f"{self.name} is asked in words for this task and not trained: starts: [as-is].")
        return super().learner(assignment)
