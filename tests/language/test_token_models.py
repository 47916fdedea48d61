"""LSTM, BERT and GPT: training, reproducibility, pretraining and saving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from harness import Unsupported
from harness.torch_learner import WEIGHTS, TorchLearner
from harness_language import _bert
from harness_language._codecs import MASK_ID, SPECIAL, TOKENIZER
from harness_language._lstm import EMBEDDING, HIDDEN, Lstm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness import Assignment, Model
    from harness_language.data import TextClassificationData


@pytest.fixture
def build(assign: Callable[..., Assignment], models: Mapping[str, Model]) -> Callable[..., TorchLearner]:
    """Return a maker of learners."""

    def make(model: str, data: Any, stage: str = "finetune", **changes: Any) -> TorchLearner:
        return models[model].learner(assign(model, data, stage, **changes))  # type: ignore[return-value]

    return make


def train(learner: TorchLearner, steps: int) -> list[float]:
    """Take steps and return their losses."""
    return [learner.step().losses["loss"] for _ in range(steps)]


@pytest.mark.parametrize("model", ["lstm", "bert"])
def test_the_same_seed_gives_the_same_bits(three: TextClassificationData, build: Any, model: str) -> None:
    """Losses and outputs of two trainings are equal; another seed's are not."""
    runs = []
    for seed in (5, 5, 6):
        learner = build(model, three, seed=seed)
        runs.append((train(learner, 4), np.asarray(learner.predict(three.queries()[:4])).tolist()))

    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.parametrize(("model", "steps"), [("lstm", 120), ("bert", 60)])
def test_it_beats_the_random_baseline_on_held_out_documents(
    two: TextClassificationData, build: Any, model: str, steps: int
) -> None:
    """After a few seconds of training."""
    learner = build(model, two, settings={"learning_rate": {"lstm": 0.01, "bert": 0.001}[model]})
    train(learner, steps)
    accuracy = np.mean(two.evaluate(learner.predict, 64).scores["correct"])

    assert accuracy > two.random_baseline()["accuracy"] + 0.15


@pytest.mark.parametrize("model", ["lstm", "bert"])
def test_a_loaded_learner_predicts_the_same(
    three: TextClassificationData, build: Any, models: Mapping[str, Model], tmp_path: Path, model: str
) -> None:
    """Learner and codec take all from the artifact, whatever the assignment's settings."""
    learner = build(model, three)
    train(learner, 2)
    learner.save(tmp_path)
    loaded = build(model, three, seed=77, settings={"vocabulary": 99, "max_length": 9})
    loaded.load(tmp_path)
    texts = three.queries()[:5]
    arrays = models[model].codec(tmp_path).encode(texts)

    assert np.array_equal(loaded.predict(texts), learner.predict(texts))
    assert all(np.array_equal(array, learner.codec().encode(texts)[name]) for name, array in arrays.items())
    assert loaded.parameters() == learner.parameters()


@pytest.mark.parametrize("model", ["lstm", "bert"])
def test_an_output_does_not_depend_on_the_batch(three: TextClassificationData, build: Any, model: str) -> None:
    """Padding to a longer text changes only the last bits."""
    learner = build(model, three)
    short, long = min(three.queries(), key=len), max(three.queries(), key=len)
    alone, together = learner.predict([short])[0], learner.predict([short, long])[0]

    assert alone == pytest.approx(together, abs=1e-5)


def test_the_tokenizer_is_trained_on_the_training_split_only(three: TextClassificationData, build: Any) -> None:
    """Words of the test split alone are unknown."""
    vocabulary = build("lstm", three, settings={"vocabulary": 100_000}).codec().tokenizer.get_vocab()
    words = {split: set(" ".join(three.examples(split).inputs).lower().split()) for split in three.sizes}
    only_test = {word for word in words["test"] - words["train"] if word.isalpha()}
    training_text = " ".join(three.examples("train").inputs).lower()
    unseen = {word for word in only_test if word not in training_text}

    assert unseen
    assert not unseen & set(vocabulary)


@pytest.mark.parametrize("scheme", ["default", "random", "gaussian", "xavier"])
@pytest.mark.parametrize(
    ("model", "matrix", "default"),
    [
        # Torch draws an LSTM from U(±1/sqrt(hidden)); transformers draws BERT and GPT-2 from N(0, 0.02).
        ("lstm", "lstm.weight_ih_l0", HIDDEN**-0.5 / 3**0.5),
        ("bert", "bert.encoder.layer.0.intermediate.dense.weight", 0.02),
        ("gpt", "gpt.h.0.mlp.c_fc.weight", 0.02),
    ],
)
def test_initialisation_is_a_setting(
    three: TextClassificationData, build: Any, model: str, matrix: str, default: float, scheme: str
) -> None:
    """A matrix has the scheme's standard deviation."""
    weight = build(model, three, settings={"initialisation": scheme}).module().get_parameter(matrix)
    fan = sum(weight.shape)
    expected = {"default": default, "random": 1.0, "gaussian": 0.02, "xavier": (6 / fan / 3) ** 0.5}[scheme]

    assert weight.std().item() == pytest.approx(expected, rel=0.05)


# LSTM -------------------------------------------------------------------------------------------------------


def test_the_lstm_is_the_network_of_the_tutorials() -> None:
    """Embedding 50, LSTM 100, a dense layer with one unit for two classes and n for more."""
    binary, several = Lstm(1000, 2, 0.2), Lstm(1000, 6, 0.2)

    assert (EMBEDDING, HIDDEN) == (50, 100)
    assert binary.embedding.weight.shape == (1000, 50)
    assert binary.lstm.weight_hh_l0.shape == (400, 100)
    assert binary.dense.weight.shape == (1, 100)
    assert several.dense.weight.shape == (6, 100)


def test_two_classes_share_a_sigmoid(two: TextClassificationData, build: Any) -> None:
    """Two columns of probabilities sum to one."""
    learner = build("lstm", two)
    answers = np.asarray(learner.predict(two.queries()))

    assert answers.shape == (two.sizes["test"], 2)
    assert answers.sum(axis=1) == pytest.approx(np.ones(len(answers)), abs=1e-6)


def test_the_lstm_classifies_the_state_of_the_last_token() -> None:
    """Padding changes nothing."""
    torch.manual_seed(0)
    network = Lstm(50, 3, 0.0).eval()
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    first = network(torch.tensor([[7, 8, 9, 0, 0]]), mask)["logits"]
    other = network(torch.tensor([[7, 8, 9, 3, 4]]), mask)["logits"]
    shorter = network(torch.tensor([[7, 8, 9]]), torch.ones(1, 3, dtype=torch.int64))["logits"]

    assert torch.equal(first, other)
    assert torch.allclose(first, shorter, atol=1e-6)


# BERT -------------------------------------------------------------------------------------------------------


def test_fine_tuning_starts_from_the_pretrainings_encoder_and_tokenizer(
    three: TextClassificationData, build: Any, tmp_path: Path
) -> None:
    """The masked-language loss falls; every weight of the encoder and the tokenizer are copied."""
    pretraining = build("bert", three, "pretrain", settings={"learning_rate": 0.002})
    losses = train(pretraining, 30)
    pretraining.save(tmp_path)
    tuned = build("bert", three, start=tmp_path, settings={"initialisation": "random", "vocabulary": 50})
    copied, expected = tuned.module().bert.state_dict(), pretraining.module().bert.state_dict()

    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.5
    assert all(torch.equal(copied[name], weight) for name, weight in expected.items())
    assert tuned.codec().tokenizer.to_str() == pretraining.codec().tokenizer.to_str()
    tuned.step()
    tuned.save(tmp_path / "tuned")
    assert (tmp_path / "tuned" / TOKENIZER).read_bytes() == (tmp_path / TOKENIZER).read_bytes()


def test_the_head_of_pretraining_is_tied_to_the_embedding(
    three: TextClassificationData, build: Any, tmp_path: Path
) -> None:
    """One tensor in training, one entry in the file, one tensor when loaded."""
    learner = build("bert", three, "pretrain")
    train(learner, 2)
    learner.save(tmp_path)
    loaded = build("bert", three, "pretrain")
    loaded.load(tmp_path)
    shapes = [tuple(weight.shape) for weight in load_file(tmp_path / WEIGHTS).values()]
    network = loaded.module()

    assert shapes.count((loaded.codec().vocabulary, 128)) == 1
    assert network.cls.predictions.decoder.weight is network.bert.embeddings.word_embeddings.weight
    assert torch.equal(network.cls.predictions.decoder.weight, learner.module().cls.predictions.decoder.weight)


@pytest.mark.parametrize("scheme", ["random", "gaussian", "xavier"])
def test_neighbouring_positions_are_similar_at_first(three: TextClassificationData, build: Any, scheme: str) -> None:
    """With sinusoids the similarity falls with the distance; training changes them."""
    learner = build("bert", three, settings={"initialisation": scheme, "positions": "sinusoids"})
    positions = learner.module().bert.embeddings.position_embeddings.weight.detach().clone()
    unit = torch.nn.functional.normalize(positions)
    similarity = unit @ unit.T
    learner.step()

    assert all((similarity.diagonal(n) > similarity.diagonal(n + 1)[:1] + 1e-3).all() for n in range(4))
    assert similarity.diagonal(1).std() < 1e-5
    assert not torch.equal(learner.module().bert.embeddings.position_embeddings.weight, positions)


@pytest.mark.parametrize("model", ["bert", "gpt"])
def test_texts_are_truncated_equally_with_and_without_pretraining(
    three: TextClassificationData, build: Any, tmp_path: Path, model: str
) -> None:
    """Though GPT's pretraining has a codec without truncation."""
    build(model, three, "pretrain", settings={"max_length": 16}).save(tmp_path)
    longest = "word " * 100
    shapes = [
        build(model, three, start=start, settings={"max_length": 16}).codec().encode([longest])["input_ids"].shape
        for start in (None, tmp_path)
    ]

    assert shapes == [(1, 16), (1, 16)]


def test_the_same_seed_pretrains_to_the_same_bits(three: TextClassificationData, build: Any) -> None:
    """Masks follow the seed."""
    first, second, other = (train(build("bert", three, "pretrain", seed=seed), 3) for seed in (1, 1, 2))

    assert first == second != other


def test_pretraining_reads_all_training_texts(three: TextClassificationData, build: Any) -> None:
    """The pieces, joined, are the texts' tokens; none is longer than `max_length`."""
    learner = build("bert", three, "pretrain", settings={"max_length": 16})
    pieces = learner.examples()
    codec = learner.codec()
    codec.tokenizer.no_truncation()
    whole = [token for ids in codec.ids(three.examples("train").inputs) for token in ids[1:-1]]

    assert [token for piece in pieces for token in piece[1:-1]] == whole
    assert max(map(len, pieces)) == 16


def test_a_pretrained_encoder_cannot_predict(three: TextClassificationData, build: Any) -> None:
    """The message says to fine-tune it."""
    with pytest.raises(Unsupported, match=r"no classes\. Fine-tune it"):
        build("bert", three, "pretrain").predict(["a text"])


@given(st.integers(0, 2**31), st.lists(st.integers(0, 99), min_size=1, max_size=40))
def test_masking_changes_only_targets(seed: int, row: list[int]) -> None:
    """Targets are the true ids, and never special tokens."""
    torch.manual_seed(seed)
    ids = torch.tensor([row])
    batch = _bert.mask_tokens(ids, 100)
    chosen = batch["targets"] != _bert.IGNORED

    assert torch.equal(batch["targets"][chosen], ids[chosen])
    assert torch.equal(batch["input_ids"][~chosen], ids[~chosen])
    assert (ids[chosen] >= len(SPECIAL)).all()
    assert chosen.any() == (ids >= len(SPECIAL)).any()


def test_masking_has_the_papers_shares() -> None:
    """Of the chosen tokens 80% are masked, 10% replaced and 10% unchanged."""
    torch.manual_seed(0)
    ids = torch.full((400, 100), 50)
    batch = _bert.mask_tokens(ids, 1000)
    chosen = batch["targets"] != _bert.IGNORED
    inputs = batch["input_ids"][chosen]

    assert chosen.float().mean().item() == pytest.approx(_bert.MASKED, abs=0.01)
    assert (inputs == MASK_ID).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert (inputs == 50).float().mean().item() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(("size", "millions"), [("tiny", 0.47), ("small", 3.3), ("base", 85.5)])
def test_numbers_of_parameters(size: str, millions: float) -> None:
    """Without the word embedding; counted without allocating them."""
    with torch.device("meta"):
        network = _bert.Classifier({"size": size, "vocabulary": 10, "classes": 2, "settings": {"dropout": 0.1}})
    count = sum(weight.numel() for weight in network.parameters())

    assert count / 1e6 == pytest.approx(millions, rel=0.02)
