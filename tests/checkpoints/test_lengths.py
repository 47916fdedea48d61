"""How much of a text a checkpoint reads: all that it can where it is measured as it is; what is cut is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.plugins import Plugins
from harness.seams import Assignment, Budget, Model
from harness.settings import filled
from harness.store import peek_records
from harness_language.data import Examples, TextClassificationData

LONG = " ".join(["an array of numbers is returned by the function"] * 20)
TEXTS = ("plot a filter", LONG, f"{LONG} when the step is small")
DATA = TextClassificationData(("a", "b"), dict.fromkeys(("train", "validation", "test"), Examples(TEXTS, (0, 1, 0))))
SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}


def _checkpoint(tokenizers: Path, folder: Path, shape: str, positions: int, tokens: int = 1000) -> Path:
    """Save a random classifier with so many positions, and a tokenizer that reads so many tokens."""
    import torch
    import transformers as tf

    torch.manual_seed(0)
    config = tf.models.auto.configuration_auto.CONFIG_MAPPING[shape](
        vocab_size=400, id2label={0: "a", 1: "b"}, max_position_embeddings=positions, initializer_range=0.3, **SMALL
    )
    tf.AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tf.AutoTokenizer.from_pretrained(tokenizers, model_max_length=tokens).save_pretrained(folder)
    return folder


def _answers(model: Model, budget: Budget, **settings: Any) -> np.ndarray:
    chosen = filled(settings, model.settings)
    assignment = Assignment("finetune", DATA, "default", chosen, "cpu", "fp32", 0, budget, pretrained=True)
    return np.asarray(model.learner(assignment).predict(TEXTS))


def _plain(folder: Path, length: int) -> np.ndarray:
    """Return what transformers answers to the texts cut to a length."""
    import torch
    import transformers as tf

    network = tf.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    inputs = [tokenizer(text, return_tensors="pt", truncation=True, max_length=length)["input_ids"] for text in TEXTS]
    with torch.no_grad():
        return np.concatenate([network(input_ids=ids).logits.softmax(dim=1).numpy() for ids in inputs])


def test_as_it_is_a_checkpoint_reads_all_that_it_can(checkpoints: Path, plugins: Plugins, tmp_path: Path) -> None:
    """Fine-tuning reads 128 tokens; a setting says otherwise in both."""
    folder = _checkpoint(checkpoints / "bert", tmp_path / "long", "bert", 512)
    model = plugins.find("models", f"hf:{folder}")
    whole, cut = _plain(folder, 512), _plain(folder, 128)

    assert not np.allclose(whole, cut, atol=1e-4)
    assert np.allclose(_answers(model, Budget()), whole, atol=1e-5)
    assert np.allclose(_answers(model, Budget(), max_length=128), cut, atol=1e-5)
    assert np.allclose(_answers(model, Budget(steps=1)), cut, atol=1e-5)
    assert np.allclose(_answers(model, Budget(steps=1), max_length=512), whole, atol=1e-5)


CUT: list[tuple[str, int, int, str, dict[str, Any], str]] = [
    ("bert", 512, 1000, "as-is", {}, ""),
    (
        "bert",
        512,
        1000,
        "pretrained",
        {},
        "2 of 3 test texts are longer than 128 tokens and are cut. To read up to 512",
    ),
    ("bert", 512, 1000, "scratch", {}, "2 of 3 test texts are longer than 128 tokens and are cut. To read up to 512"),
    ("bert", 512, 1000, "as-is", {"max_length": 8}, "2 of 3 test texts are longer than 8 tokens and are cut. To read"),
    ("bert", 512, 8, "as-is", {}, "2 of 3 test texts are longer than 8 tokens and are cut."),
    ("bert", 24, 1000, "as-is", {}, "2 of 3 test texts are longer than 24 tokens and are cut."),
    ("bert", 24, 1000, "pretrained", {}, "2 of 3 test texts are longer than 24 tokens and are cut."),
    ("bert", 24, 1000, "as-is", {"max_length": 100}, "2 of 3 test texts are longer than 24 tokens and are cut."),
    ("roberta", 24, 1000, "as-is", {}, "2 of 3 test texts are longer than 22 tokens and are cut."),
]


@pytest.mark.parametrize(("shape", "positions", "tokens", "start", "settings", "expected"), CUT)
def test_texts_that_are_cut_are_counted(
    checkpoints: Path, plugins: Plugins, tmp_path: Path, shape: str, positions: int, tokens: int, start: str,
    settings: dict[str, Any], expected: str,
) -> None:  # fmt: skip
    """And cut to what tokenizer and network can read: more would end in an index error."""
    folder = _checkpoint(checkpoints / "bert", tmp_path / "short", shape, positions, tokens)
    model = plugins.find("models", f"hf:{folder}")
    notes = model.check(DATA, filled(settings, model.settings), start)
    answers = _answers(model, Budget() if start == "as-is" else Budget(steps=1), **settings)

    assert [note.startswith(f"{model.name}: {expected}") for note in notes] == ([True] if expected else [])
    assert ("--setting max_length=" in "".join(notes)) == ("To read" in expected)
    assert answers.shape == (3, 2)


def test_what_is_cut_stands_in_plan_and_record(
    checkpoints: Path, tmp_path: Path, harness_command: Callable[..., Any], libraries_at_hand: None
) -> None:
    """In the words of the check."""
    shutil.copytree(_checkpoint(checkpoints / "bert", tmp_path / "saved", "bert", 24), tmp_path / "short")
    rows = [f"plot a filter {LONG if number % 2 else ''} {number},{'ab'[number % 2]}" for number in range(60)]
    (tmp_path / "two.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    suite = {"name": "s", "models": ["hf:short"], "tasks": ["text-classification"], "starts": ["as-is"]}
    suite |= {"scenarios": ["Offline"], "serve": {"seconds": 0.1, "queries": 5}}
    (tmp_path / "s.yaml").write_text(json.dumps(suite), encoding="utf-8")
    planned = harness_command(tmp_path, "run", "s.yaml", "--data", "two.csv", "--dry-run")
    done = harness_command(tmp_path, "run", "s.yaml", "--data", "two.csv")
    evaluated = next(one for one in peek_records(str(tmp_path / "harness-results")) if one.step == "evaluate")
    [note] = [note for note in evaluated.notes if "are cut" in note]

    assert done.code == 0, done.stdout + done.stderr
    assert "test texts are longer than 24 tokens and are cut." in note
    assert note in " ".join(planned.stdout.split())
