"""Generates with a checkpoint's network: KV cache, padded batches, the end of an answer by its generation config."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
import transformers
from torch import Tensor

from harness import Unsupported
from harness_checkpoints.folder import CheckpointFolder
from harness_checkpoints.weights import fit_of, require_body

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
TOLERANCES = {"fp32": 1e-3, "bf16": 5e-2}
"""By how much of their standard deviation logits may move with padding: rounding is below, text read is far above."""
Prompt = Sequence[int]
"""The tokens of a prompt."""


class Written(NamedTuple):
    """One answer."""

    tokens: list[int]
    """With the token that ends it, if it came."""
    finish: str
    """`stop` where the answer ended, `length` where it was cut off."""


class Generator:
    """A network that continues prompts, or answers them where it has encoder and decoder."""

    def __init__(self, folder: CheckpointFolder, device: str, precision: str, *, trusted: bool) -> None:
        """Keep what is loaded at the first use.

        Raises:
            Unsupported: the precision is not offered.
        """
        if precision not in PRECISIONS:
            raise Unsupported(f"Generating in {precision} is not offered. Use one of {', '.join(PRECISIONS)}.")
        self._folder = folder
        self._device = device
        self._precision = precision
        self._trusted = trusted
        self._pads: bool | None = None

    @cached_property
    def network(self) -> Any:
        """The network in evaluation mode, on the device, in the precision.

        Raises:
            PluginError: its weights are not all there.
        """
        auto = getattr(transformers, self._folder.generates)
        network, loaded = auto.from_pretrained(
            self._folder.path, dtype=PRECISIONS[self._precision], use_safetensors=True, output_loading_info=True,
            ignore_mismatched_sizes=True, trust_remote_code=self._trusted,
        )  # fmt: skip
        require_body(self._folder, fit_of(network, loaded, ()))
        return network.to(self._device).eval()

    def write(self, prompts: Sequence[Prompt], max_tokens: int, temperature: float, seed: int) -> list[Written]:
        """Return the answer to each prompt.

        Args:
            prompts: tokens, none empty.
            max_tokens: the longest answer, in tokens.
            temperature: 0 takes the most probable token each time.
            seed: of the draws at other temperatures.
        """
        config = self._config(max_tokens, temperature)
        if temperature > 0:
            torch.manual_seed(seed)
        written: dict[int, Written] = {}
        for places in _alike(prompts):
            group = [prompts[place] for place in places]
            equal = len({len(prompt) for prompt in group}) == 1
            together = [group] if equal or self._pads_freely(group) else [[prompt] for prompt in group]
            answers = [answer for several in together for answer in self._written(config, several)]
            written.update(zip(places, answers, strict=True))
        return [written[place] for place in range(len(prompts))]

    def _config(self, max_tokens: int, temperature: float) -> Any:
        """Return the checkpoint's generation config, with what is asked for."""
        config = copy.deepcopy(self.network.generation_config)
        config.max_new_tokens, config.max_length = max_tokens, None
        config.use_cache = True
        config.do_sample = temperature > 0
        if config.do_sample:
            config.temperature = temperature
            config.top_k = config.top_k or 0  # unset, transformers draws from the 50 most probable tokens alone
        else:
            config.temperature = config.top_k = config.top_p = None
        return config

    def ends(self, eos: int | None) -> None:
        """Let answers end at a token where the generation config names none."""
        config = self.network.generation_config
        if config.eos_token_id is None:
            config.eos_token_id = eos

    def _written(self, config: Any, prompts: Sequence[Prompt]) -> list[Written]:
        ids, mask = self._padded(prompts, config)
        rows = self.network.generate(input_ids=ids, attention_mask=mask, generation_config=config)
        begin = 1 if self._encodes() else ids.shape[1]  # a decoder begins with a token of its own
        return [_ended(row, config) for row in rows[:, begin:].tolist()]

    def _encodes(self) -> bool:
        return bool(self.network.config.is_encoder_decoder)

    def _padded(self, prompts: Sequence[Prompt], config: Any) -> tuple[Tensor, Tensor]:
        """Return ids and mask [n, longest]: an answer follows its prompt, so padding is on the left without encoder."""
        if config.pad_token_id is None:
            ends = config.eos_token_id
            config.pad_token_id = (ends[0] if isinstance(ends, list) else ends) or 0
        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), config.pad_token_id)
        mask = torch.zeros_like(ids)
        for number, prompt in enumerate(prompts):
            place = slice(len(prompt)) if self._encodes() else slice(longest - len(prompt), longest)
            ids[number, place], mask[number, place] = torch.tensor(prompt), 1
        return ids.to(self._device), mask.to(self._device)

    def _pads_freely(self, prompts: Sequence[Prompt]) -> bool:
        """Return whether padding changes no answer, tried once: some architectures read it as text."""
        if self._pads is None:
            pair = [min(prompts, key=len), max(prompts, key=len)]
            alone, beside = (self._logits(several)[0] for several in (pair[:1], pair))
            moved = (alone - beside).abs().max() / alone[alone.isfinite()].std()
            self._pads = bool(moved.nan_to_num() <= TOLERANCES[self._precision])
        return self._pads

    def _logits(self, prompts: Sequence[Prompt]) -> Tensor:
        """Return the logits of the first token [n, tokens]."""
        config = self._config(1, 0.0)
        config.num_beams, config.output_logits, config.return_dict_in_generate = 1, True, True
        ids, mask = self._padded(prompts, config)
        logits: Tensor = self.network.generate(input_ids=ids, attention_mask=mask, generation_config=config).logits[0]
        return logits.float()


def _alike(prompts: Sequence[Prompt]) -> list[list[int]]:
    """Return the places of prompts that are generated together, in groups whose longest is at most twice the shortest.

    Beside one very long prompt, short ones would be mostly padding: time and memory grow with its length.
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(prompts)), key=lambda place: len(prompts[place])):
        if groups and len(prompts[place]) <= 2 * len(prompts[groups[-1][0]]):
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _ended(tokens: list[int], config: Any) -> Written:
    """Return an answer without what was generated for longer ones beside it."""
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    place = next((place for place, token in enumerate(tokens) if token in ends), None)
    if place is not None:
        return Written(tokens[: place + 1], "stop")
    return Written(tokens[: config.max_new_tokens], "length")
