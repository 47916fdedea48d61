"""`hf:`, a checkpoint as a model, built by transformers' Auto class for the kind of the task."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from harness import Assignment, Codec, Data, Learner, Model, PluginError, Setting
from harness.seams.model import START
from harness_checkpoints.classes import GIVE_LABELS, Head, listed
from harness_checkpoints.classes import SETTING as LABELS
from harness_checkpoints.folder import (
    AUTO,
    PREPROCESSOR,
    READS_PADDING,
    TEXTS,
    CheckpointFolder,
    classifiers,
    kind_of,
)

NOT_EXPORTED = ("t5", "mt5", "umt5", "bart", "mbart")
"""Their classifiers find the end of each text with an operation that ONNX lacks."""


class Checkpoint(Model):
    """A checkpoint, fine-tuned from its weights or trained from scratch in its architecture."""

    imports: ClassVar[tuple[str, ...]] = (
        "torch",
        "transformers",
        "harness.torch_learner",
        "harness_checkpoints.hf_learner",
    )
    brings_weights = True
    starts: ClassVar[tuple[START, ...]] = ("pretrained", "as-is", "scratch")
    settings: ClassVar[Mapping[str, Setting]] = {
        "learning_rate": Setting(5e-5, "Highest learning rate of AdamW."),
        "weight_decay": Setting(0.01, "AdamW's decay of the weights."),
        "batch_size": Setting(16, "Inputs in a gradient step."),
        "max_length": Setting(
            0,
            "Tokens read from a text. 0: 128 where it is trained, all that it can read where it is measured as it is.",
        ),
        "labels": Setting("", LABELS),
        "tokenizer": Setting("", "Folder or hub name of another tokenizer; empty is the checkpoint's own."),
        "trust_remote_code": Setting(False, "Run the Python code that comes with the checkpoint."),
    }

    def __init__(self, reference: str, folder: CheckpointFolder) -> None:
        """Set the name, and the kinds of task that the checkpoint can do."""
        self.folder = folder
        self._said: dict[str, list[str]] = {}
        self.name = f"hf:{reference}"  # type: ignore[misc]  # its reference is its name
        self.summary = f"Checkpoint of {folder.architecture or folder.model_type} ({Path(reference).name})"  # type: ignore[misc]
        self.kinds = self.kinds_of(folder)  # type: ignore[misc]
        self.formats = () if folder.model_type in (*NOT_EXPORTED, *READS_PADDING) else ("onnx",)  # type: ignore[misc]

    def kinds_of(self, folder: CheckpointFolder) -> tuple[str, ...]:
        """Return the kinds of task that a checkpoint can do.

        Raises:
            PluginError: there are none.
        """
        if kinds := classified(folder):
            return kinds
        raise PluginError(
            f"hf:{folder.path} is a {folder.model_type}, which transformers builds for none of {', '.join(AUTO)}."
        )

    def identity(self, settings: Mapping[str, Any]) -> str:
        """Return the checkpoint's digest. Called before anything is written.

        Raises:
            PluginError: a tokenizer is missing, or its Python code is not trusted.
        """
        if TEXTS in self.kinds and not self.folder.has_tokenizer and not settings["tokenizer"]:
            raise PluginError(
                f"{self.name} has no tokenizer. Save one into the folder (`tokenizer.save_pretrained`), or name "
                "another with --setting tokenizer=FOLDER."
            )
        if self.needs_remote_code() and not settings["trust_remote_code"]:
            raise PluginError(
                f"{self.name} runs Python code of its own ({', '.join(self.folder.remote_code.values())}). "
                "Read that code; if you trust it, add --trust-remote-code."
            )
        return f"checkpoint sha256 {self.folder.digest}"

    def check(self, data: Data, settings: Mapping[str, Any], start: str) -> Sequence[str]:
        """Return how its head takes up the data's classes: in another order, or not at all; and which texts it cuts.

        Raises:
            PluginError: its weights lack more than a head; or it is to be measured as it is, and its head is no use
                for the data.
        """
        classes = tuple(getattr(data, "classes", ()))
        if not classes:
            return ()
        case = json.dumps([data.digest, settings, start], sort_keys=True)
        if case not in self._said:  # a plan asks for each of its steps
            kind = kind_of(data)
            on_head = [] if start == "scratch" else self._on_head(kind, classes, settings, start)
            self._said[case] = on_head + self._on_inputs(kind, data, settings, start)
        return self._said[case]

    def _on_inputs(self, kind: str, data: Data, settings: Mapping[str, Any], start: str) -> list[str]:
        return self._on_lengths(data, settings, start) if kind == TEXTS else self._on_images(start)

    def _on_images(self, start: str) -> list[str]:
        if self.folder.has_image_processor:
            return []
        if start == "as-is":
            raise PluginError(
                f"{self.name} cannot answer as it is: it has no {PREPROCESSOR}, so nothing says how its images were "
                "scaled. Save it there, `AutoImageProcessor.from_pretrained(origin).save_pretrained(folder)`, "
                "or fine-tune it, starts: [pretrained]."
            )
        return [f"{self.name}: it has no {PREPROCESSOR}. Images are scaled to the configuration's size, and to -1 … 1."]

    def _on_lengths(self, data: Data, settings: Mapping[str, Any], start: str) -> list[str]:
        from transformers import AutoConfig

        from harness_checkpoints.hf_codecs import TRAINED_LENGTH, HfTextCodec

        config = AutoConfig.from_pretrained(self.folder.path, trust_remote_code=settings["trust_remote_code"])
        length = settings["max_length"] or (0 if start == "as-is" else TRAINED_LENGTH)
        codec = HfTextCodec.of_checkpoint(settings["tokenizer"] or str(self.folder.path), length, config)
        texts = data.queries()
        if not (cut := codec.count_cut(texts)):
            return []
        read = codec.tokenizer.model_max_length
        more = f" To read up to {codec.readable:,}: --setting max_length=…" if codec.readable > read else ""
        return [f"{self.name}: {cut:,} of {len(texts):,} test texts are longer than {read:,} tokens and are cut.{more}"]

    def _on_head(self, kind: str, classes: Sequence[str], settings: Mapping[str, Any], start: str) -> list[str]:
        from harness_checkpoints.weights import inspect, require_body

        head = self.folder.head(kind, settings, classes)
        fit = inspect(self.folder, AUTO[kind], trusted=settings["trust_remote_code"])
        require_body(self.folder, fit)
        if head.columns is not None and fit.head:
            head = Head((), None, f"its weights lack {listed(fit.head)} of its head, or have it in another shape")
        if start == "as-is" and (head.columns is None or fit.head):
            names = f"If that is only how its outputs are called, name them in their order, {GIVE_LABELS}; else fine"
            raise PluginError(
                f"{self.name} cannot answer as it is for {kind}: {head.why}. {names if head.labels else 'Fine'}-tune "
                "it, starts: [pretrained]."
            )
        if head.columns is not None:
            return [f"{self.name}: classes are matched by name: {head.order}."] if head.order else []
        keep = f" To keep it, name its outputs in their order: {GIVE_LABELS}." if head.labels else ""
        return [f"{self.name}: {head.why}. Its head is drawn anew.{keep}"]

    def needs_remote_code(self) -> bool:
        """Return whether transformers lacks the architecture."""
        return not classifiers(self.folder.model_type)

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner for the task's texts or images."""
        from harness_checkpoints.hf_learner import HfLearner

        return HfLearner(assignment, self.folder)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_checkpoints.hf_codecs import load_codec

        return load_codec(folder)


def classified(folder: CheckpointFolder) -> tuple[str, ...]:
    """Return the kinds of task that its architecture can be trained for."""
    kinds = tuple(classifiers(folder.model_type))
    return kinds or tuple(kind for kind, auto in AUTO.items() if auto in folder.remote_code)
