"""Fine-tunes a checkpoint, or trains its architecture from scratch, to classify texts or images."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional

from harness import Assignment, Unsupported
from harness.torch_learner import TorchLearner
from harness_checkpoints.folder import AUTO, IMAGES, TEXTS, CheckpointFolder
from harness_checkpoints.hf_codecs import HfImageCodec, HfTextCodec, load_codec

transformers.utils.logging.set_verbosity_error()  # it warns of the new head, which fine-tuning needs
transformers.utils.logging.disable_progress_bar()


class TextClassifier(nn.Module):
    """A transformers model of token ids; its outputs become a dict, as an export needs them."""

    def __init__(self, model: nn.Module) -> None:
        """Wrap the model."""
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, classes] for int64 [n, s] and [n, s]."""
        return {"logits": self.model(input_ids=input_ids, attention_mask=attention_mask).logits}


class ImageClassifier(TextClassifier):
    """A transformers model of pixels; its outputs become a dict."""

    def forward(self, pixel_values: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Return `logits` [n, classes] for float [n, channels, height, width]."""
        return {"logits": self.model(pixel_values=pixel_values).logits}


class HfLearner(TorchLearner):
    """Classification of texts (strings) or images (arrays) with a checkpoint's network."""

    def __init__(self, assignment: Assignment, checkpoint: CheckpointFolder) -> None:
        """See whether the data are texts or images; the network is built at its first use."""
        super().__init__(assignment)
        self._checkpoint = checkpoint
        self._artifact: Path | None = None
        self._codec: HfTextCodec | HfImageCodec | None = None
        self._kind = TEXTS if isinstance(assignment.data.queries()[0], str) else IMAGES

    def codec(self) -> HfTextCodec | HfImageCodec:
        """Return the artifact's codec, or the checkpoint's."""
        if self._codec is None:
            if self._artifact is not None:
                self._codec = load_codec(self._artifact)
            elif self._kind == IMAGES:
                self._codec = HfImageCodec.of_checkpoint(self._checkpoint)
            else:
                place = self._settings("tokenizer") or str(self._checkpoint.path)
                self._codec = HfTextCodec.of_checkpoint(place, self._settings("max_length"))
        return self._codec

    def construct(self) -> nn.Module:
        """Return the network, with the checkpoint's weights if the assignment starts from them."""
        auto = getattr(transformers, AUTO[self._kind])
        trusted = self._settings("trust_remote_code")
        config = transformers.AutoConfig.from_pretrained(
            self._artifact or self._checkpoint.path,
            num_labels=len(self._labelled().classes),
            trust_remote_code=trusted,
        )
        if isinstance(codec := self.codec(), HfTextCodec):
            config.pad_token_id = codec.tokenizer.pad_token_id
            self._require_vocabulary(codec, config)
        if self.assignment.pretrained and self._artifact is None:
            model = auto.from_pretrained(
                self._checkpoint.path, config=config, dtype=torch.float32, use_safetensors=True,
                ignore_mismatched_sizes=True, trust_remote_code=trusted,
            )  # fmt: skip
        else:
            model = auto.from_config(config, dtype=torch.float32, trust_remote_code=trusted)
        return TextClassifier(model) if self._kind == TEXTS else ImageClassifier(model)

    def _require_vocabulary(self, codec: HfTextCodec, config: Any) -> None:
        if len(codec.tokenizer) > config.vocab_size:
            # Ids beyond the embedding would raise an index error deep inside.
            raise Unsupported(
                f"The tokenizer has {len(codec.tokenizer)} tokens, the checkpoint {config.vocab_size}: "
                "it is not the one the checkpoint was trained with. Name the right one with --setting tokenizer=FOLDER."
            )

    def _labelled(self) -> Any:
        data = self.assignment.data
        if not hasattr(data, "classes") or not hasattr(data, "examples"):
            raise Unsupported(f"{type(data).__name__} has no `classes` and `examples(split)` to learn from.")
        return data

    def examples(self) -> Sequence[Any]:
        """Return (input, label) of the training split."""
        inputs, labels = self._labelled().examples("train")
        return list(zip(inputs, labels, strict=True))

    def length(self, example: Any) -> int:
        """Return the number of characters, a proxy for that of tokens; 0 for images."""
        return len(example[0]) if self._kind == TEXTS else 0

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Encode a batch."""
        inputs, labels = zip(*examples, strict=True)
        arrays: Mapping[str, np.ndarray] = self.codec().encode(inputs)
        return {name: torch.from_numpy(array) for name, array in arrays.items()} | {"labels": torch.tensor(labels)}

    def consumed(self, batch: dict[str, Tensor]) -> dict[str, int]:
        """Return inputs as samples, and tokens without padding."""
        tokens = {"tokens": int(batch["attention_mask"].sum())} if "attention_mask" in batch else {}
        return {"samples": len(batch["labels"])} | tokens

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the cross-entropy of the classes."""
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        return functional.cross_entropy(network(**inputs)["logits"], batch["labels"])

    def write(self, folder: Path) -> None:
        """Write configuration and codec, and the checkpoint's Python code if it is trusted."""
        self.module().model.config.save_pretrained(folder)
        self.codec().save(folder)
        if self._settings("trust_remote_code"):
            for file in self._checkpoint.path.glob("*.py"):
                shutil.copy(file, folder)

    def read(self, folder: Path) -> None:
        """Read what `write` wrote."""
        self._artifact, self._codec = folder, None
