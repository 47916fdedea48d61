"""Small data and assignments for the tests of the language plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import harness_language
from harness import Assignment, Budget, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness_language.data import TextClassificationData

MODELS = {model.name: model for model in harness_language.harness_models()}


def _subset(packages: tuple[str, ...], each: int) -> TextClassificationData:
    """Return the first docstrings of a few packages, cut at 300 characters."""
    from harness_language._corpus import DOCSTRINGS
    from harness_language._splits import divide
    from harness_language.data import Examples, TextClassificationData

    texts: list[str] = []
    labels: list[int] = []
    for label, package in enumerate(packages):
        first = sorted({text[:300] for text, topic in DOCSTRINGS if topic == package})[:each]
        texts += first
        labels += [label] * len(first)
    rows = divide(texts, labels)
    splits = {s: Examples(tuple(texts[i] for i in r), tuple(labels[i] for i in r)) for s, r in rows.items()}
    return TextClassificationData(packages, splits)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Set torch to one thread: small networks gain nothing by more, and lose on a shared machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def three() -> TextClassificationData:
    """Three topics, 60 documents each."""
    return _subset(("io", "linalg", "stats"), 60)


@pytest.fixture(scope="session")
def two() -> TextClassificationData:
    """Two topics, 60 documents each."""
    return _subset(("io", "stats"), 60)


@pytest.fixture(scope="session")
def models() -> Mapping[str, Model]:
    """Return the plugin's models by name."""
    return MODELS


@pytest.fixture(scope="session")
def assign() -> Callable[..., Assignment]:
    """Return a maker of assignments with default settings, smaller where size costs time."""
    small = {"vocabulary": 600, "max_length": 32, "batch_size": 16}

    def make(model: str, data: Any, stage: str = "finetune", **changes: Any) -> Assignment:
        declared = MODELS[model]
        defaults = {name: setting.default for name, setting in declared.settings.items()}
        settings = defaults | {k: v for k, v in small.items() if k in defaults} | changes.pop("settings", {})
        fixed = {"size": declared.sizes[0], "device": "cpu", "precision": "fp32", "seed": 3, "budget": Budget(steps=40)}
        return Assignment(stage=stage, data=data, settings=settings, **(fixed | changes))  # type: ignore[arg-type]

    return make
