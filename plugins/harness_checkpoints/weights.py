"""What a checkpoint's weights lack of the network that its configuration describes.

transformers draws such weights at random, whatever they are. Here only a head may be drawn.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import torch
import transformers
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from harness import PluginError
from harness_checkpoints.folder import AUTO, CheckpointFolder

SHOWN = 4
"""Weights that a message names at most."""
POOLER = "pooler"
"""What transformers calls a layer between body and head, which checkpoints of language models lack."""


class Fit(NamedTuple):
    """What does not fit; both are empty where all weights do."""

    body: str
    """What is wrong with the weights below the head, for a message."""
    head: tuple[str, ...]
    """Weights of the head, and of a pooler below it, that are missing or have another shape."""


def inspect(folder: CheckpointFolder, auto: str, *, trusted: bool) -> Fit:
    """Hold the names and shapes of a checkpoint's weights against its network; no weight is read.

    Args:
        folder: the checkpoint.
        auto: transformers' Auto class that builds it. Only that of a classifier has a head that may be new.
        trusted: whether the checkpoint's Python code may run.

    Raises:
        PluginError: transformers cannot build the network, or a file of weights is broken.
    """
    stored = _stored(folder)
    try:
        config = transformers.AutoConfig.from_pretrained(folder.path, trust_remote_code=trusted)
        network = empty(config, auto, trusted=trusted)
        _, loaded = type(network).from_pretrained(
            None, config=config, state_dict=stored, device_map="meta", output_loading_info=True,
            ignore_mismatched_sizes=True, dtype=torch.float32,
        )  # fmt: skip
        head = head_of(network, config, auto, trusted=trusted) if auto in AUTO.values() else set()
    except Exception as error:  # a configuration can be wrong in any way
        raise PluginError(
            f"hf:{folder.path}: transformers cannot build its network: {type(error).__name__}: {error}"
        ) from error
    return fit_of(network, loaded, head)


def _stored(folder: CheckpointFolder) -> dict[str, Tensor]:
    """Return the weights in the files, without their values."""
    stored: dict[str, Tensor] = {}
    for file in folder.weight_files:
        try:
            with safe_open(file, framework="pt") as weights:
                slices = {name: weights.get_slice(name) for name in weights.keys()}  # noqa: SIM118 - it is no mapping
                stored |= {name: torch.empty(part.get_shape(), device="meta") for name, part in slices.items()}
        except (SafetensorError, OSError) as error:
            raise PluginError(f"{file} cannot be read: {error}. Copy the checkpoint again.") from error
    return stored


def empty(config: Any, auto: str, *, trusted: bool) -> Any:
    """Return the network of a configuration without memory for its weights."""
    with torch.device("meta"):
        return getattr(transformers, auto).from_config(config, dtype=torch.float32, trust_remote_code=trusted)


def head_of(network: nn.Module, config: Any, auto: str, *, trusted: bool) -> set[str]:
    """Return the names of a network's weights that are of its head.

    Those outside what transformers calls the base model, and those whose shapes follow from the number of classes:
    some networks have no base model.
    """
    more = copy.deepcopy(config)
    more.id2label = dict(enumerate([*config.id2label.values(), ""]))
    larger = _shapes(empty(more, auto, trusted=trusted))
    base: str = getattr(network, "base_model_prefix", "")
    body = f"{base}." if base and hasattr(network, base) else ""
    return {
        name
        for name, shape in _shapes(network).items()
        if not name.startswith(body) or (name in larger and larger[name] != shape)
    }


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: weight.shape for name, weight in network.named_parameters()}


def fit_of(network: nn.Module, loaded: Mapping[str, Any], head: Collection[str]) -> Fit:
    """Return what does not fit, by what transformers says of loading the weights into the network."""
    of_head = {name for name in loaded["missing_keys"] if name in head or POOLER in name.split(".")}
    of_head |= {name for name, *_ in loaded["mismatched_keys"] if name in head}
    missing = set(loaded["missing_keys"]) - of_head
    shapes = [
        f"{name} is {_shape(stored)}, not {_shape(built)}"
        for name, stored, built in sorted(loaded["mismatched_keys"])
        if name not in of_head
    ]
    spare = set(_of_more_layers(network, loaded["unexpected_keys"])) or (loaded["unexpected_keys"] if missing else ())
    parts = [_clause("missing", missing), _clause("of another shape", shapes), _clause("not used", spare)]
    return Fit("; ".join(part for part in parts if part) if missing or shapes or spare else "", tuple(sorted(of_head)))


def _of_more_layers(network: nn.Module, unexpected: Collection[str]) -> Iterator[str]:
    """Yield stored weights that differ in numbers alone from those of the network: those of layers that it lacks."""
    patterns = {re.sub(r"\d+", "0", name) for name in network.state_dict()}
    return (name for name in unexpected if re.sub(r"\d+", "0", name) in patterns)


def _shape(size: torch.Size) -> str:
    return " × ".join(map(str, size))


def _clause(what: str, names: Collection[str]) -> str:
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{what}: {', '.join(sorted(names)[:SHOWN])}{rest}" if names else ""


def require_body(folder: CheckpointFolder, fit: Fit) -> None:
    """Raise unless all weights below the head fit.

    Raises:
        PluginError: names those that do not.
    """
    if fit.body:
        wrong = f"{fit.body[0].upper()}{fit.body[1:]}"
        raise PluginError(
            f"hf:{folder.path}: its weights do not fit its configuration. {wrong}. What is missing would be drawn at "
            "random. Save it again with `model.save_pretrained(folder)`, unwrapped if it is wrapped (`model.module`)."
        )
