"""Answers with a file as it stands: nothing is learned, the file is the artifact."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from harness import Assignment, Codec, DataError, Learner, Progress, Unsupported
from harness.onnx_session import FILE, Session
from harness_checkpoints.onnx_use import FileUse, from_json, read_use, to_json

USE = "use.json"
TOKENIZER = "tokenizer.json"
PADDING = 256
"""What stands where a text has no byte."""
SUMS_TO_ONE = 1e-3


class OnnxLearner(Learner):
    """The file at work on a task."""

    def __init__(self, assignment: Assignment, path: Path) -> None:
        """Find out how the file is used, and hold its labels against the task's classes.

        Raises:
            Unsupported: another precision than the file's own was asked for.
            DataError: the task has a class that the file does not know.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"A file is served as it stands, not in {assignment.precision}. Ask for fp32.")
        self._assignment = assignment
        self._path = path
        self._use = read_use(path, assignment.settings)
        self._session: Session | None = None
        classes = tuple(getattr(assignment.data, "classes", ()))
        missing = [name for name in classes if name not in self._use.labels]
        if missing or not classes:
            raise DataError(
                f"{path.name} does not know the classes {', '.join(missing) or '(the task has none)'}. It knows "
                f"{', '.join(self._use.labels[:20])}{' …' if len(self._use.labels) > 20 else ''}. "  # noqa: PLR2004
                "Rename the classes in your data, or give --setting labels=… in the order of the file's output."
            )
        self._columns = [self._use.labels.index(name) for name in classes]

    def step(self) -> Progress:
        """Learn nothing."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Copy the file, with the data that lies beside it, and write how it is used."""
        for file in self._path.parent.glob(f"{self._path.name}*"):
            shutil.copy(file, folder / (FILE if file == self._path else file.name))
        (folder / USE).write_text(to_json(self._use), encoding="utf-8")
        if self._use.encoder == "tokens":
            shutil.copy(self._use.tokenizer, folder / TOKENIZER)

    def load(self, folder: Path) -> None:
        """Open the copy."""
        self._use = from_json((folder / USE).read_text(encoding="utf-8"))
        self._session = Session(folder, self._assignment.device)

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return probabilities [n, classes] in the order of the task's classes."""
        if self._session is None:
            self._session = Session(self._path.parent, self._assignment.device, self._path.name)
        numbers = self._session.run(codec_of(self._use).encode(inputs))[self._use.output]
        of_all = numbers if _probabilities(numbers) else softmax(numbers, axis=-1)
        wanted: np.ndarray = of_all[:, self._columns]
        return wanted  # type: ignore[return-value]  # an array is the sequence here


def _probabilities(numbers: np.ndarray) -> bool:
    return bool((numbers >= 0).all() and np.abs(numbers.sum(axis=-1) - 1).max() < SUMS_TO_ONE)


def codec_of(use: FileUse) -> Codec:
    """Return the codec that makes a file's arrays."""
    codecs: dict[str, Callable[[FileUse], Codec]] = {
        "bytes": ByteCodec,
        "text": TextCodec,
        "tokens": TokenCodec,
        "image": ImageCodec,
    }
    return codecs[use.encoder](use)


class _FileCodec(Codec):
    def __init__(self, use: FileUse) -> None:
        self.use = use

    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Return the output as it is; the learner puts its columns in order."""
        return list(arrays[self.use.output])


class TextCodec(_FileCodec):
    """Texts as strings [n] or [n, 1]."""

    def encode(self, inputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Return an array of strings."""
        texts = np.array(list(inputs), dtype=object)
        return {self.use.inputs[0]: texts if len(self.use.shape) == 1 else texts[:, None]}


class ByteCodec(_FileCodec):
    """UTF-8 bytes, blanks at both ends left out: half of the length from the beginning, half from the end.

    Where a text is shorter than half, 256 stands after its bytes in the first half and before them in the second: what
    Google's Magika takes.
    """

    def encode(self, inputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Return whole numbers [n, length].

        Raises:
            DataError: the file leaves the length open.
        """
        length = self.use.shape[-1]
        if length is None:
            raise DataError("The file takes any number of bytes; only files of a fixed length are fed with bytes.")
        half = length // 2
        rows = np.full((len(inputs), length), PADDING, dtype=self.use.dtype)
        for row, text in zip(rows, inputs, strict=True):
            content = np.frombuffer(text.strip().encode(), dtype=np.uint8)
            first, last = content[:half], content[-half:]
            row[: len(first)] = first
            if len(last):
                row[-len(last) :] = last
        return {self.use.inputs[0]: rows}


class TokenCodec(_FileCodec):
    """Token ids of a tokenizer, padded to the longest of a batch."""

    def __init__(self, use: FileUse) -> None:
        """Open the tokenizer."""
        from tokenizers import Tokenizer

        super().__init__(use)
        self._tokenizer = Tokenizer.from_file(use.tokenizer)
        self._tokenizer.enable_padding()

    def encode(self, inputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Return `input_ids` and what else the file takes: `attention_mask`, `token_type_ids`."""
        made = self._tokenizer.encode_batch(list(inputs))
        arrays = {
            "input_ids": np.array([one.ids for one in made], dtype=np.int64),
            "attention_mask": np.array([one.attention_mask for one in made], dtype=np.int64),
            "token_type_ids": np.array([one.type_ids for one in made], dtype=np.int64),
        }
        return {name: arrays[name] for name in self.use.inputs}


class ImageCodec(_FileCodec):
    """Images with values from 0 to 1, channels where the file has them, in the file's size."""

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return float [n, channels, height, width], or channels last, from uint8 [height, width, channels]."""
        from PIL import Image

        first = self.use.shape[1] in (1, 3)
        height, width = self.use.shape[2:] if first else self.use.shape[1:3]
        channels = self.use.shape[1] if first else self.use.shape[3]
        rows = []
        for image in inputs:
            picture = Image.fromarray(np.squeeze(image)).convert("L" if channels == 1 else "RGB")
            if height and width:
                picture = picture.resize((width, height))
            rows.append(np.atleast_3d(np.asarray(picture, dtype=np.float32) / 255))
        batch = np.stack(rows).astype(self.use.dtype)
        return {self.use.inputs[0]: batch.transpose(0, 3, 1, 2) if first else batch}
