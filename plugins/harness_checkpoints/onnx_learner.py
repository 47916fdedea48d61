"""Predicts with an ONNX file: nothing is trained, the file is the artifact."""

from __future__ import annotations

import glob
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from harness import Assignment, Codec, Data, DataError, Learner, Progress, Unsupported
from harness.onnx_session import FILE, Session
from harness_checkpoints.classes import columns, listed
from harness_checkpoints.onnx_signature import FileSignature, from_json, read_signature, to_json

SIGNATURE = "use.json"
TOKENIZER = "tokenizer.json"
PADDING = 256
"""Stands for no byte in inputs of bytes."""
SUM_TOLERANCE = 1e-3
"""Outputs whose rows sum to 1 within this are probabilities, others are logits."""


def columns_for(path: Path, labels: Sequence[str], data: Data) -> list[int]:
    """Return for each class of the data the column of a file's output.

    Raises:
        DataError: the file lacks one of the data's classes, or their names do not tell its column.
    """
    classes = tuple(getattr(data, "classes", ()))
    places = columns(labels, classes)
    if places is None or not classes:
        missing = [name for name in classes if name not in labels]
        raise DataError(
            f"{path.name} lacks the classes {listed(missing) or '(the task has none)'}. It has {listed(labels)}. "
            "Rename the classes in your data, or give --setting labels=… in the order of the file's output."
        )
    return list(places)


class OnnxLearner(Learner):
    """An ONNX file on a task."""

    def __init__(self, assignment: Assignment, path: Path) -> None:
        """Read the file's signature and match its labels with the task's classes.

        Raises:
            Unsupported: a precision other than fp32.
            DataError: the file lacks one of the task's classes.
        """
        if assignment.precision != "fp32":
            raise Unsupported(f"A file is not converted to {assignment.precision}. Use fp32.")
        self._assignment = assignment
        self._path = path
        self._signature = read_signature(path, assignment.settings)
        self._session: Session | None = None
        self._columns = columns_for(path, self._signature.labels, assignment.data)

    def step(self) -> Progress:
        """Report that there is nothing to learn."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Copy the file with its external data and tokenizer, and write its signature."""
        for file in self._path.parent.glob(f"{glob.escape(self._path.name)}*"):
            shutil.copy(file, folder / (FILE if file == self._path else file.name))
        (folder / SIGNATURE).write_text(to_json(self._signature), encoding="utf-8")
        if self._signature.encoder == "tokens":
            shutil.copy(self._signature.tokenizer, folder / TOKENIZER)

    def load(self, folder: Path) -> None:
        """Open what `save` wrote."""
        self._signature = from_json((folder / SIGNATURE).read_text(encoding="utf-8"))
        self._session = Session(folder, self._assignment.device)

    def parameters(self) -> int | None:
        """Return the numbers in the file's stored tensors, without those of 32 and 64 bits: indices and shapes."""
        import onnx

        kinds = onnx.TensorProto
        indices = (kinds.INT32, kinds.INT64, kinds.UINT32, kinds.UINT64, kinds.BOOL, kinds.STRING)
        stored = onnx.load(self._path, load_external_data=False).graph.initializer
        return sum(math.prod(tensor.dims) for tensor in stored if tensor.data_type not in indices) or None

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return probabilities [n, classes] in the order of the task's classes."""
        if self._session is None:
            self._session = Session(self._path.parent, self._assignment.device, self._path.name)
        codec = codec_of(self._signature)
        batches = [inputs] if codec.pads_freely else [[one] for one in inputs]
        numbers = np.concatenate([self._session.run(codec.encode(batch))[self._signature.output] for batch in batches])
        probabilities = numbers if _are_probabilities(numbers) else softmax(numbers, axis=-1)
        ordered: np.ndarray = probabilities[:, self._columns]
        return ordered  # type: ignore[return-value]  # an array is the sequence here


def _are_probabilities(numbers: np.ndarray) -> bool:
    return bool((numbers >= 0).all() and np.abs(numbers.sum(axis=-1) - 1).max() < SUM_TOLERANCE)


def codec_of(signature: FileSignature) -> _FileCodec:
    """Return the codec for what a file's input holds."""
    codecs: dict[str, Callable[[FileSignature], _FileCodec]] = {
        "bytes": ByteCodec,
        "text": TextCodec,
        "tokens": TokenCodec,
        "image": ImageCodec,
    }
    return codecs[signature.encoder](signature)


class _FileCodec(Codec):
    """Base of the codecs, each with the preprocessing of one kind of input."""

    pads_freely = True
    """Whether inputs of any lengths may share a batch."""

    def __init__(self, signature: FileSignature) -> None:
        self.signature = signature

    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Return the output unchanged; the learner orders its columns."""
        return list(arrays[self.signature.output])


class TextCodec(_FileCodec):
    """Texts as strings [n] or [n, 1]."""

    def encode(self, inputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Return an array of strings."""
        texts = np.array(list(inputs), dtype=object)
        return {self.signature.inputs[0]: texts if len(self.signature.shape) == 1 else texts[:, None]}


class ByteCodec(_FileCodec):
    """The first and last UTF-8 bytes of a stripped text, half of the input's length each.

    Shorter texts are padded after their bytes in the first half and before them in the second, as Google's Magika
    takes them.
    """

    def encode(self, inputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Return integers [n, length] of the file's dtype.

        Raises:
            DataError: the file's input has no fixed length.
        """
        length = self.signature.shape[-1]
        if length is None:
            raise DataError("The file takes any number of bytes; encoder=bytes needs an input of a fixed length.")
        half = length // 2
        rows = np.full((len(inputs), length), PADDING, dtype=self.signature.dtype)
        for row, text in zip(rows, inputs, strict=True):
            content = np.frombuffer(text.strip().encode(), dtype=np.uint8)
            first, last = content[:half], content[-half:]
            row[: len(first)] = first
            if len(last):
                row[-len(last) :] = last
        return {self.signature.inputs[0]: rows}


class TokenCodec(_FileCodec):
    """A tokenizer's ids, padded on the right to the longest of a batch.

    A file that takes no attention mask would read padding as text: it gets one text at a time.
    """

    def __init__(self, signature: FileSignature) -> None:
        """Open the tokenizer."""
        from tokenizers import Tokenizer

        super().__init__(signature)
        self.pads_freely = "attention_mask" in signature.inputs
        self._tokenizer = Tokenizer.from_file(signature.tokenizer)
        pad_id = (self._tokenizer.padding or {}).get("pad_id", 0)
        self._tokenizer.enable_padding(pad_id=pad_id if signature.pad_id is None else signature.pad_id)

    def encode(self, inputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Return those of `TOKEN_INPUTS` that the file takes: int64 [n, longest]."""
        encodings = self._tokenizer.encode_batch(list(inputs))
        ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
        arrays = {
            "input_ids": ids,
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64),
            "token_type_ids": np.array([encoding.type_ids for encoding in encodings], dtype=np.int64),
            "position_ids": np.broadcast_to(np.arange(ids.shape[1]), ids.shape),
        }
        return {name: arrays[name] for name in self.signature.inputs}


class ImageCodec(_FileCodec):
    """Images in the file's size and layout, with values from 0 to 1."""

    def encode(self, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return float [n, channels, height, width], or channels last, from uint8 [height, width, channels]."""
        from PIL import Image

        shape = self.signature.shape
        channels_first = shape[1] in (1, 3)  # grey or RGB
        height, width = shape[2:] if channels_first else shape[1:3]
        channels = shape[1] if channels_first else shape[3]
        rows = []
        for image in inputs:
            picture = Image.fromarray(np.squeeze(image)).convert("L" if channels == 1 else "RGB")
            if height and width:
                picture = picture.resize((width, height))
            rows.append(np.atleast_3d(np.asarray(picture, dtype=np.float32) / 255))
        batch = np.stack(rows).astype(self.signature.dtype)
        return {self.signature.inputs[0]: batch.transpose(0, 3, 1, 2) if channels_first else batch}
