"""A checkpoint's folder, on disk or downloaded from the hub, checked before anything is built from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

from harness import Data, PluginError
from harness.digests import folder_digest
from harness.json_text import read_object
from harness.paths import missing
from harness_checkpoints.classes import Head, given_labels, match_head
from harness_checkpoints.weight_files import require_no_others, weight_files

TEXTS, IMAGES = "text-classification", "image-classification"
AUTO = {TEXTS: "AutoModelForSequenceClassification", IMAGES: "AutoModelForImageClassification"}
"""Kind of task → transformers' Auto class."""
_MAPPINGS = {
    TEXTS: "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
    IMAGES: "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES",
}
CONTINUES, SEQUENCES = "AutoModelForCausalLM", "AutoModelForSeq2SeqLM"
"""transformers' Auto classes of what generates text: without an encoder, and with one."""
_GENERATORS = {
    CONTINUES: "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    SEQUENCES: "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
}
READS_PADDING = ("big_bird", "bigbird_pegasus", "convbert", "fnet", "mobilebert", "nystromformer", "yoso")
"""Architectures that mix positions without an attention mask, or attend in another way where a batch is long: what they
answer depends on the length of the batch."""
CONFIG = "config.json"
PREPROCESSOR, PROCESSOR = "preprocessor_config.json", "processor_config.json"
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
_SAVE = "Save one with `model.save_pretrained(folder)`."
DOWNLOADED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.py")
"""Files taken from the hub. Python files are part of the digest; they run only with `--trust-remote-code`."""
MOST_LAYERS, MOST_LABELS = 10_000, 1_000_000
_PARTS = re.compile(r"layers?$|(^|_)(depths?|num_blocks|num_experts|num_stages)$")
"""Keys of numbers of layers, blocks and experts."""
_FORMS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "model_type": ("text", lambda value: isinstance(value, str)),
    "architectures": ("list of texts", lambda value: isinstance(value, list) and {*map(type, value)} <= {str}),
    "auto_map": ("object", lambda value: isinstance(value, dict)),
    "id2label": ("object of whole numbers", lambda value: isinstance(value, dict) and all(map(str.isdecimal, value))),
    "label2id": ("object", lambda value: isinstance(value, dict)),
}
"""Keys of a configuration that are read here → what they hold."""
_HUB_NAME = re.compile(r"(?P<name>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


class CheckpointFolder:
    """A folder with a configuration and weights in safetensors."""

    def __init__(self, path: Path) -> None:
        """Check the folder.

        Raises:
            PluginError: configuration or weights are missing or broken.
        """
        self.path = path
        self.config = _read_config(path)
        require_no_others(path, self.config)
        self.weight_files = weight_files(path)
        """The files of its weights."""

    @property
    def model_type(self) -> str:
        """The architecture's name in transformers."""
        return str(self.config["model_type"])

    @property
    def remote_code(self) -> dict[str, str]:
        """Auto class → the class in the checkpoint's Python files."""
        return {auto: name for auto, name in (self.config.get("auto_map") or {}).items() if isinstance(name, str)}

    @property
    def architecture(self) -> str:
        """The class that its weights were saved from, with the head; empty if the configuration does not name it."""
        return ", ".join(self.config.get("architectures") or ())

    @cached_property
    def generates(self) -> str:
        """The Auto class of a checkpoint whose architecture generates text, empty for any other."""
        for auto in _GENERATORS:
            names = {self.remote_code.get(auto, "").rpartition(".")[2], generators(auto).get(self.model_type)}
            if names & set(self.config.get("architectures") or ()):
                return auto
        return ""

    def _headless(self, kind: str) -> str:
        """Return why it has no head for a kind of task; empty if its architecture has one."""
        custom = self.remote_code.get(AUTO[kind], "").rpartition(".")[2]
        names = self.config.get("architectures") or ()
        if not names:
            right = custom or classifiers(self.model_type).get(kind, "")
            return (
                f"its {CONFIG} names no `architectures`, so nothing says that it has such a head. If it has, add "
                f'"architectures": ["{right}"]'
            )
        if any(AUTO[kind].removeprefix("AutoModel") in name or name == custom for name in names):
            return ""
        return f"it has no such head (its architecture is {self.architecture})"

    @property
    def has_image_processor(self) -> bool:
        """Whether the folder says how images are prepared; a processor of several kinds of input may hold it."""
        processor = self.path / PROCESSOR
        held = processor.is_file() and "image_processor" in read_object(processor, PluginError, remedy=_SAVE)
        return held or (self.path / PREPROCESSOR).is_file()

    def head(self, kind: str, settings: Mapping[str, Any], classes: Sequence[str]) -> Head:
        """Return what its head has to do with the classes of data of a kind; see `match_head`."""
        return match_head(self.config, self._headless(kind), given_labels(settings["labels"]), classes)

    @property
    def has_tokenizer(self) -> bool:
        """Whether the folder has a tokenizer."""
        return any((self.path / name).is_file() for name in TOKENIZERS)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the names and contents of all files."""
        return folder_digest(self.path)


def generators(auto: str) -> dict[str, str]:
    """Return transformers' classes that an Auto class of what generates text builds, by the architecture's name."""
    from transformers.models.auto import modeling_auto

    return dict(getattr(modeling_auto, _GENERATORS[auto]))


def classifiers(model_type: str) -> dict[str, str]:
    """Return transformers' classes for an architecture, by the kinds of task that they do."""
    from transformers.models.auto import modeling_auto

    mappings = {kind: getattr(modeling_auto, mapping) for kind, mapping in _MAPPINGS.items()}
    return {kind: names[model_type] for kind, names in mappings.items() if model_type in names}


def kind_of(data: Data) -> str:
    """Return the kind of a task's data: texts or images."""
    return TEXTS if isinstance(data.queries()[0], str) else IMAGES


def find_folder(reference: str) -> CheckpointFolder:
    """Return the folder of a reference: a path, or a name on the hub with an optional `@revision`.

    Raises:
        PluginError: there is no such folder, the download fails, or the folder is no checkpoint.
    """
    path = Path(reference).expanduser()
    if path.is_dir():
        return CheckpointFolder(path)
    hub = _HUB_NAME.fullmatch(reference)
    if (lost := missing(reference)) or hub is None:
        raise PluginError(
            f"hf:{reference}: {lost or 'There is no such folder. Paths are relative to the current folder.'}"
        )
    return CheckpointFolder(_download(reference, hub["name"], hub["revision"]))


def _download(reference: str, name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(DOWNLOADED)))
    except Exception as error:  # the hub, the network and the cache raise different ones
        raise PluginError(
            f"hf:{reference} is no folder here and cannot be downloaded from the hub: "
            f"{type(error).__name__}: {str(error).strip().splitlines()[0]} "
            "Check the name, or download it elsewhere and give the folder."
        ) from error


def _read_config(path: Path) -> dict[str, Any]:
    file = path / CONFIG
    if not file.is_file():
        raise PluginError(f"hf:{path} has no {CONFIG}: it is no checkpoint. {_SAVE}")
    config = read_object(file, PluginError, remedy=_SAVE, constants=True)
    if "model_type" not in config:
        raise PluginError(f"{file} has no `model_type`: transformers cannot tell the architecture.")
    for key, (what, is_right) in _FORMS.items():
        if config.get(key) is not None and not is_right(config[key]):
            raise PluginError(f"{file}: `{key}` is {config[key]!r:.60} and no {what}. {_SAVE}")
    for key, value in _counts(config):
        if value > _most(key):
            raise PluginError(f"{file}: `{key}` is {value:,}; up to {_most(key):,} are built. {_SAVE}")
    return config


def _counts(content: Any, key: str = "") -> Iterator[tuple[str, int]]:
    """Yield whole numbers with their keys, also of configurations of parts and of lists."""
    if isinstance(content, int):
        yield key, content
    elif isinstance(content, dict):
        for name, inner in content.items():
            yield from _counts(inner, name)
    elif isinstance(content, list):
        for inner in content:
            yield from _counts(inner, key)


def _most(key: str) -> float:
    """Return the largest value of a key that makes parts of a network, each of which takes time and memory."""
    if _PARTS.search(key):
        return MOST_LAYERS
    return MOST_LABELS if key == "num_labels" else inf
