"""Pickles are recognised by their first bytes."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.testing.models import _is_pickle


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_recognised(tmp_path: Path, protocol: int) -> None:
    """With any suffix and content."""
    for number, content in enumerate(({"weights": [1.0]}, "words", b"x" * 300, 7)):
        file = tmp_path / f"{number}.safetensors"
        file.write_bytes(pickle.dumps(content, protocol))

        assert _is_pickle(file)


def test_no_file_of_safetensors_is_a_pickle(tmp_path: Path) -> None:
    """Headers of these lengths begin with every eighth byte, that of pickles among them."""
    begins = set()
    for length in range(1, 300):
        file = tmp_path / "weights.safetensors"
        save_file({"w" * length: np.zeros(1, np.float32)}, file)
        begins.add(file.read_bytes()[0])

        assert not _is_pickle(file)
    assert 0x80 in begins
