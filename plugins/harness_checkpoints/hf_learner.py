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

from harness import Assignment, Budget, Unsupported
from harness.torch_learner import TorchLearner
from harness_checkpoints.classes import Head, columns
from harness_checkpoints.folder import AUTO, IMAGES, READS_PADDING, TEXTS, CheckpointFolder, kind_of
from harness_checkpoints.hf_codecs import TRAINED_LENGTH, HfImageCodec, HfTextCodec, load_codec
from harness_checkpoints.weights import fit_of, head_of, require_body

transformers.utils.logging.set_verbosity_error()  # it warns of the new head, which fine-tuning needs
transformers.utils.logging.disable_progress_bar()


class TextClassifier(nn.Module):
    """A transformers model of token ids; its outputs become a dict, as an export needs them."""

    def __init__(self, model: nn.Module, columns: Sequence[int]) -> None:
        """Wrap the model; take its output's column for each class."""
        super().__init__()
        self.model = model
        self._reordered = tuple(columns) != tuple(range(model.config.num_labels))
        self.register_buffer("_columns", torch.tensor(columns), persistent=False)
        self._sparse = [layer for layer in model.modules() if hasattr(layer, "set_attention_type")]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, classes] for int64 [n, s] and [n, s]."""
        for layer in self._sparse:  # after one short text BigBird would attend fully for ever
            layer.set_attention_type(self.model.config.attention_type)
        return self.ordered(self.model(input_ids=input_ids, attention_mask=attention_mask).logits)

    def ordered(self, logits: Tensor) -> dict[str, Tensor]:
        """Return `logits` in the order of the data's classes."""
        return {"logits": logits.index_select(1, self._columns) if self._reordered else logits}


class ImageClassifier(TextClassifier):
    """A transformers model of pixels; its outputs become a dict."""

    def forward(self, pixel_values: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Return `logits` [n, classes] for float [n, channels, height, width]."""
        return self.ordered(self.model(pixel_values=pixel_values).logits)


class HfLearner(TorchLearner):
    """Classification of texts (strings) or images (arrays) with a checkpoint's network."""

    def __init__(self, assignment: Assignment, checkpoint: CheckpointFolder) -> None:
        """See whether the data are texts or images; the network is built at its first use."""
        super().__init__(assignment)
        self._checkpoint = checkpoint
        self._artifact: Path | None = None
        self._codec: HfTextCodec | HfImageCodec | None = None
        self._kind = kind_of(assignment.data)

    def codec(self) -> HfTextCodec | HfImageCodec:
        """Return the artifact's codec, or the checkpoint's."""
        if self._codec is None:
            if self._artifact is not None:
                self._codec = load_codec(self._artifact)
            elif self._kind == IMAGES:
                self._codec = HfImageCodec.of_checkpoint(self._checkpoint)
            else:
                place = self._settings("tokenizer") or str(self._checkpoint.path)
                self._codec = HfTextCodec.of_checkpoint(place, self._length(), self._config())
        return self._codec

    def _length(self) -> int:
        """Return how many tokens of a text are read, 0 for all that can be; what has no budget is not trained."""
        trains = self.assignment.budget != Budget()
        return self._settings("max_length") or (TRAINED_LENGTH if trains else 0)

    def construct(self) -> nn.Module:
        """Return the network, with the checkpoint's weights if the assignment starts from them."""
        classes = tuple(self._labelled().classes)
        config = self._config()
        if self._artifact is not None:
            head = Head(tuple(config.id2label.values()), columns(tuple(config.id2label.values()), classes))
        elif self.assignment.pretrained:
            head = self._checkpoint.head(self._kind, self.assignment.settings, classes)
        else:
            head = Head(classes, None)
        labels = classes if head.columns is None else head.labels
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: place for place, label in enumerate(labels)}
        config.problem_type = None
        grows = self._fit_vocabulary(config)
        network = self._load(config, head) if self._loads() else self._build(config)
        if grows:
            network.resize_token_embeddings(config.get_text_config().vocab_size + 1, mean_resizing=False)
            network.config.get_text_config().pad_token_id = grows
        wrapper = TextClassifier if self._kind == TEXTS else ImageClassifier
        return wrapper(network, head.columns or range(len(classes)))

    def _loads(self) -> bool:
        return self.assignment.pretrained and self._artifact is None

    def _config(self) -> Any:
        place = self._artifact or self._checkpoint.path
        return transformers.AutoConfig.from_pretrained(place, trust_remote_code=self._settings("trust_remote_code"))

    def _build(self, config: Any) -> Any:
        auto = getattr(transformers, AUTO[self._kind])
        trusted = self._settings("trust_remote_code")
        return auto.from_config(config, dtype=torch.float32, trust_remote_code=trusted)

    def _load(self, config: Any, head: Head) -> Any:
        """Return the network with the checkpoint's weights; its head is new unless it is there and the classes match.

        Raises:
            PluginError: the weights lack more than a head.
        """
        trusted = self._settings("trust_remote_code")
        network, loaded = getattr(transformers, AUTO[self._kind]).from_pretrained(
            self._checkpoint.path, config=config, dtype=torch.float32, use_safetensors=True, output_loading_info=True,
            ignore_mismatched_sizes=True, trust_remote_code=trusted,
        )  # fmt: skip
        of_head = head_of(network, config, AUTO[self._kind], trusted=trusted)
        fit = fit_of(network, loaded, of_head)
        require_body(self._checkpoint, fit)
        if head.columns is None or fit.head:
            _draw(network, of_head)
        return network

    def _fit_vocabulary(self, config: Any) -> int:
        """Let the network know the token to pad with; return it if its embedding has yet to grow for it, else 0.

        Raises:
            Unsupported: the tokenizer is not the checkpoint's: ids beyond the embedding would raise deep inside.
        """
        codec = self.codec()
        if not isinstance(codec, HfTextCodec):
            return 0
        shape = config.get_text_config()
        if len(codec.tokenizer) > shape.vocab_size:
            raise Unsupported(
                f"The tokenizer has {len(codec.tokenizer)} tokens, the checkpoint {shape.vocab_size}: "
                "it is not the one the checkpoint was trained with. Name the right one with --setting tokenizer=FOLDER."
            )
        grows = codec.pad_id == shape.vocab_size
        shape.pad_token_id = None if grows else codec.pad_id
        return codec.pad_id if grows else 0

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Answer a batch; one by one where the architecture reads padding as text."""
        if self._checkpoint.model_type not in READS_PADDING:
            return super().predict(inputs)
        return [super(HfLearner, self).predict([one])[0] for one in inputs]

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


def _draw(network: Any, names: set[str]) -> None:
    """Draw weights anew, as transformers draws those of a new network of this architecture."""
    for place, layer in network.named_modules():
        weights = dict(layer.named_parameters(place, recurse=False))
        if weights.keys() & names:
            for weight in weights.values():
                weight._is_hf_initialized = False  # noqa: SLF001 - how transformers marks what it has loaded
            network._init_weights(layer)  # noqa: SLF001 - its way to draw a layer
