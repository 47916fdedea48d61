"""Translators: the nearest training text, and T5 with span corruption, greedy decoding and ONNX export."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Assignment, Budget, StreamingPredictor, Unsupported
from harness.settings import filled
from harness_language import _t5
from harness_language._codecs import END_ID, SPAN_IDS, TranslationCodec, train_pieces
from harness_language._phrases import SIZES
from harness_language.models import T5, Nearest
from harness_language.tasks import Translation
from harness_language.translations import Pair, TranslationData, translation_data

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness import Learner, Model

# torch's exporter uses what torch has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:_check_is_size will be removed:FutureWarning"),
    pytest.mark.filterwarnings("ignore:# The axis name. .* will not be used, since it shares:UserWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
]

LETTERS = "abcdef ABC 0123456789,.-$€ 年月日星期一二三とßéñ"
SMALL = {"pieces": 40, "max_length": 48, "max_new_tokens": 12, "batch_size": 16}


@pytest.fixture(scope="module")
def few() -> TranslationData:
    """Return some of the default phrases."""
    whole = translation_data(
        Translation().data(None, {name: one.default for name, one in Translation.settings.items()})
    )
    return TranslationData({split: whole.pairs(split)[:200] for split in SIZES}, "zh")


def build(model: type[Model], data: Any, stage: Any = "finetune", seed: int = 3, **changes: Any) -> Learner:
    """Return a small learner; `settings` are added to the defaults."""
    small = {name: value for name, value in SMALL.items() if name in model.settings}
    settings = filled(small | changes.pop("settings", {}), model.settings)
    fixed = {"device": "cpu", "precision": "fp32", "budget": Budget(steps=40)} | changes
    return model().learner(Assignment(stage, data, model.sizes[0], settings, seed=seed, **fixed))


def train(learner: Learner, steps: int) -> list[float]:
    """Take steps and return their losses."""
    return [learner.step().losses["loss"] for _ in range(steps)]


@pytest.fixture(scope="module")
def trained(few: TranslationData) -> _t5.T5Translator:
    """Return a T5 after a few steps: it generates Chinese, not yet the right one."""
    learner = build(T5, few)
    train(learner, 40)
    return learner  # type: ignore[return-value]


# Nearest --------------------------------------------------------------------------------------------------------


def test_nearest_finds_equal_and_similar_texts(few: TranslationData) -> None:
    """A text that differs in a sign has the same translation."""
    learner = build(Nearest, few)
    done = learner.step()
    pairs = few.pairs("train")[:30]

    assert done.done
    assert done.consumed == {"samples": 200}
    assert learner.predict([pair.source for pair in pairs]) == [pair.target for pair in pairs]
    assert learner.predict([f"{pairs[0].source}!"]) == [pairs[0].target]
    assert learner.parameters() is None


def test_a_loaded_nearest_predicts_the_same(few: TranslationData, tmp_path: Path) -> None:
    """Every text has a translation of the training split, even an empty one."""
    learner, loaded = build(Nearest, few), build(Nearest, few)
    learner.step()
    learner.save(tmp_path)
    loaded.load(tmp_path)
    texts = [*few.queries()[:9], "ξ", ""]
    targets = {pair.target for pair in few.pairs("train")}

    assert loaded.predict(texts) == learner.predict(texts)
    assert set(loaded.predict(texts)) <= targets


def test_nearest_computes_in_fp32_only(few: TranslationData) -> None:
    """The message names the precision."""
    with pytest.raises(Unsupported, match=r"bf16\. Use fp32"):
        build(Nearest, few, precision="bf16")


# The tokenizer --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def codec() -> TranslationCodec:
    """Return a codec whose tokenizer is trained on all of the letters."""
    return TranslationCodec(train_pieces([LETTERS, "abc abc bad", "2024年1月1日星期一"], 30), 500)


@settings(max_examples=100, deadline=None)
@given(text=st.text(LETTERS, max_size=60))
def test_the_tokenizer_is_lossless(codec: TranslationCodec, text: str) -> None:
    """For capitals, spaces, signs and accents."""
    ids = codec.ids([text])[0]

    assert ids[-1] == END_ID
    assert END_ID not in ids[:-1]
    assert codec.decode({"tokens": np.array([ids])}) == [text]


def test_tokens_after_the_end_are_ignored(codec: TranslationCodec) -> None:
    """An answer without an end is decoded whole."""
    (ids,) = codec.ids(["abc"])
    endless = (ids[:-1] * 2 * len(ids))[: 2 * len(ids)]

    assert codec.decode({"tokens": np.array([ids + ids])}) == ["abc"]
    assert set(codec.decode({"tokens": np.array([endless])})[0]) == set("abc")


# Span corruption ------------------------------------------------------------------------------------------------


def restored(rest: Sequence[int], answer: Sequence[int]) -> list[int]:
    """Put the spans back in place of their sentinels."""
    spans: dict[int, list[int]] = {}
    for token in answer[:-1]:
        spans.setdefault(token, []) if token in SPAN_IDS else spans[list(spans)[-1]].append(token)
    return [piece for token in rest for piece in spans.get(token, [token])]


@settings(max_examples=200, deadline=None)
@given(inner=st.lists(st.integers(SPAN_IDS.stop, 999), max_size=300))
def test_spans_that_are_cut_out_are_in_the_answer(inner: list[int]) -> None:
    """About 15 % of the tokens; sentinels are unique and in the same order in both texts."""
    rest, answer = _t5.corrupt([*inner, END_ID])
    sentinels = [[token for token in side if token in SPAN_IDS] for side in (rest, answer)]
    cut = len(answer) - 1 - len(sentinels[1])

    assert restored(rest, answer) == [*inner, END_ID]
    assert sentinels[0] == sentinels[1] == sorted(set(sentinels[0]))
    assert abs(cut - _t5.CORRUPTED * len(inner)) <= 1
    assert rest[-1] == answer[-1] == END_ID
    assert all(count == 1 for token, count in Counter(rest).items() if token in SPAN_IDS)


def test_fine_tuning_starts_from_the_pretraining(few: TranslationData, tmp_path: Path) -> None:
    """With its weights and its tokenizer; the pretraining's loss falls, and it cannot predict."""
    pretraining = build(T5, few, "pretrain")
    losses = train(pretraining, 30)
    pretraining.save(tmp_path)
    started = build(T5, few, start=tmp_path, pretrained=True, settings={"pieces": 7})
    before = pretraining.module().state_dict()
    after = started.module().state_dict()

    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert started.codec().vocabulary == pretraining.codec().vocabulary  # type: ignore[attr-defined]
    assert started.step().losses["loss"] > 0
    with pytest.raises(Unsupported, match=r"nothing else\. Fine-tune it"):
        pretraining.predict(["one"])


# T5 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["default", "random", "gaussian", "xavier"])
def test_initialisation_is_a_setting(few: TranslationData, scheme: str) -> None:
    """A matrix has the scheme's standard deviation (T5's is 1/sqrt(d_model)), norms are 1, and losses are finite."""
    learner: Any = build(T5, few, settings={"initialisation": scheme})
    layer = learner.module().t5.encoder.block[0].layer[1]
    expected = {"default": 128**-0.5, "random": 1.0, "gaussian": 0.02, "xavier": (6 / (128 + 256) / 3) ** 0.5}

    assert layer.DenseReluDense.wi.weight.std().item() == pytest.approx(expected[scheme], rel=0.05)
    assert (layer.layer_norm.weight == 1).all()
    assert np.isfinite(train(learner, 2)).all()


def test_relative_attention_biases_are_wide_at_first(few: TranslationData) -> None:
    """In encoder and decoder; other weights are T5's."""
    network: Any = build(T5, few).module()
    biases = [weight for name, weight in network.named_parameters() if "relative_attention_bias" in name]

    assert len(biases) == 2
    assert all(bias.std().item() == pytest.approx(_t5.BIAS_STD, rel=0.3) for bias in biases)
    assert network.t5.shared.weight.std().item() == pytest.approx(1.0, rel=0.05)


@pytest.mark.slow
def test_it_soon_copies_new_numbers() -> None:
    """With the digits in order, which T5's own biases and AdamW learn last."""
    numbers = torch.randperm(900, generator=torch.Generator().manual_seed(0)).add(100).tolist()
    pairs = [Pair(f"{number} days", f"{number}天") for number in numbers[:650]]
    data = TranslationData({"train": pairs[:600], "validation": [], "test": pairs[600:]}, "zh")
    learner = build(T5, data, settings={"batch_size": 32, "max_new_tokens": 6}, budget=Budget(steps=70))
    train(learner, 70)
    exact = data.evaluate(learner.predict, 50).scores["exact"]

    assert np.mean(exact) > 0.8


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_step_is_in_proportion_to_the_matrix(few: TranslationData, stage: Any) -> None:
    """Adafactor changes embeddings and queries by the same share, at most the rate; weight decay is a setting."""
    learner: Any = build(T5, few, stage, settings={"learning_rate": 0.04}, budget=Budget(steps=10))
    attention = learner.module().t5.encoder.block[0].layer[0].SelfAttention
    weights = [attention.q.weight, attention.o.weight, learner.module().t5.shared.weight]
    before = [weight.detach().clone() for weight in weights]
    train(learner, 1)
    moved = [((new - old).norm() / old.norm()).item() for new, old in zip(weights, before, strict=True)]
    decaying: Any = build(T5, few, stage, settings={"weight_decay": 0.3})

    assert weights[2].std() > 10 * weights[0].std()
    assert all(0.1 * 0.04 < share < 1.01 * 0.04 for share in moved)
    assert decaying.optimizer(decaying.module()).param_groups[0]["weight_decay"] == 0.3


def test_it_memorises_a_few_pairs(few: TranslationData) -> None:
    """To the letter."""
    pairs = few.pairs("train")[:4]
    data = TranslationData(dict.fromkeys(SIZES, pairs), "zh")
    learner = build(T5, data, settings={"batch_size": 4, "max_new_tokens": 40}, budget=Budget(steps=80))
    train(learner, 80)

    assert list(learner.predict([pair.source for pair in pairs])) == [pair.target for pair in pairs]


def test_the_same_seed_gives_the_same_bits(few: TranslationData) -> None:
    """Losses of two trainings are equal; another seed's are not."""
    runs = [train(build(T5, few, seed=seed), 3) for seed in (5, 5, 6)]

    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_decoding_with_a_cache_is_decoding_without_one(few: TranslationData, trained: _t5.T5Translator) -> None:
    """The tokens are those of transformers' `generate` without its cache."""
    network: Any = trained.module().eval()
    arrays = trained.codec().encode(few.queries()[:12])
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    with torch.inference_mode():
        ours = network(**tensors)["tokens"].numpy()
        del tensors["at_most"]  # `generate` has no such limit, which is not reached here
        theirs = network.t5.generate(**tensors, max_new_tokens=network.longest, do_sample=False, use_cache=False)
    theirs = theirs[:, 1:].numpy()

    assert (ours[:, : theirs.shape[1]] == theirs).all()
    assert not ours[:, theirs.shape[1] :].any()
    assert len({tuple(row) for row in ours}) > 1


def test_an_answer_does_not_depend_on_the_batch(few: TranslationData, trained: _t5.T5Translator) -> None:
    """With longer and shorter texts and answers."""
    texts = sorted(few.queries(), key=len)
    chosen = [*texts[:3], *texts[-3:], ""]

    assert list(trained.predict(chosen)) == [trained.predict([text])[0] for text in chosen]


def test_a_loaded_learner_predicts_the_same(few: TranslationData, trained: _t5.T5Translator, tmp_path: Path) -> None:
    """Learner and codec take all from the artifact, whatever the assignment's settings."""
    trained.save(tmp_path)
    loaded = build(T5, few, seed=8, settings={"pieces": 3, "max_length": 5, "max_new_tokens": 2})
    loaded.load(tmp_path)
    texts = few.queries()[:20]
    arrays = T5().codec(tmp_path).encode(texts)

    assert list(loaded.predict(texts)) == list(trained.predict(texts))
    assert all(np.array_equal(array, trained.codec().encode(texts)[name]) for name, array in arrays.items())
    assert arrays["input_ids"].shape[1] > SMALL["max_new_tokens"]
    assert loaded.parameters() == trained.parameters() > 100_000
    assert (loaded.flops(texts[:2]) or 0) > 0


def test_a_translation_of_broken_weights_is_refused(few: TranslationData) -> None:
    """The likeliest of NaN is a token too."""
    learner = build(T5, few)
    with torch.no_grad():
        next(iter(learner.module().parameters())).fill_(float("nan"))
    with pytest.raises(ValueError, match=r"3 of 3 outputs of a batch are not finite .*'activations'"):
        learner.predict(few.queries()[:3])


def test_the_first_token_is_the_answers_and_takes_one_step(
    few: TranslationData, trained: _t5.T5Translator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So that it can be timed."""
    from harness_hardware.runtimes import Eager

    network: Any = trained.module().eval()
    codec, texts = trained.codec(), few.queries()[:9]
    full_arrays = {name: torch.from_numpy(array) for name, array in codec.encode(texts).items()}
    short_arrays = {name: torch.from_numpy(array) for name, array in codec.first().encode(texts).items()}
    steps: list[int] = []
    decode_step = network._decode_step
    monkeypatch.setattr(
        network, "_decode_step", lambda length, *state: steps.append(int(length)) or decode_step(length, *state)
    )
    with torch.inference_mode():
        short, full = (network(**arrays)["tokens"] for arrays in (short_arrays, full_arrays))
    trained.save(tmp_path)
    predict = Eager().predictor(T5(), trained.assignment, tmp_path, None)

    assert steps[:2] == [0, 0]
    assert len(steps) > 3
    assert torch.equal(short[:, :1], full[:, :1])
    assert not short[:, 1:].any()
    assert isinstance(predict, StreamingPredictor)
    assert all(text.startswith(first) for text, first in zip(predict(texts), predict.first(texts), strict=True))


@pytest.mark.slow
def test_the_loop_is_captured_in_one_graph(few: TranslationData, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export starts with it; it predicts as torch does for any texts."""
    least = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 2}  # each layer costs seconds
    monkeypatch.setitem(_t5.SIZES, "tiny", least)
    learner: Any = build(T5, few, settings={"max_new_tokens": 6})
    train(learner, 40)
    network, texts = learner.module().eval(), sorted(few.queries(), key=len)

    def tensors(batch: Sequence[str]) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(array) for name, array in learner.codec().encode(batch).items()}

    count, length = torch.export.Dim("count"), torch.export.Dim("length")
    open_sizes = {name: {0: count, 1: length} for name in ("input_ids", "attention_mask")} | {"at_most": {0: count}}
    with torch.no_grad():
        graph = torch.export.export(network, (), tensors(texts[5:7]), dynamic_shapes=open_sizes).module()
        for batch in (texts[:1], texts[-1:], texts, [""]):
            assert torch.equal(graph(**tensors(batch))["tokens"], network(**tensors(batch))["tokens"])
    assert len(set(learner.predict(texts))) > 1


@pytest.mark.slow
def test_the_exported_loop_predicts_as_torch_does(
    few: TranslationData, trained: _t5.T5Translator, tmp_path: Path
) -> None:
    """For any number of texts of any length, each token is the same."""
    from harness_hardware.runtimes import OnnxRuntime

    trained.save(tmp_path)
    folder = tmp_path / "exported"
    folder.mkdir()
    readings = OnnxRuntime().export(T5(), trained, tmp_path, few.queries()[:16], folder)
    predict = OnnxRuntime().predictor(T5(), trained.assignment, tmp_path, folder)
    texts = sorted(few.queries(), key=len)

    assert readings["largest_difference"].value < 1e-5  # of a mean of activations; tokens are whole numbers
    assert readings["compared_outputs"].value >= 16 * SMALL["max_new_tokens"]
    assert isinstance(predict, StreamingPredictor)
    first = trained.first()
    assert first is not None
    for batch in (texts[:1], texts[-1:], texts[5:12], texts, ["1"], [""]):
        assert list(predict(batch)) == list(trained.predict(batch))
        assert list(predict.first(batch)) == list(first(batch))


@pytest.mark.usefixtures("no_precision_yet")
def test_it_also_trains_and_predicts_in_bf16() -> None:
    """The cache has the layers' precision."""
    data = TranslationData({split: [Pair(f"{n} days", f"{n}天") for n in range(9)] for split in SIZES}, "zh")
    settings = {"max_new_tokens": 5, "batch_size": 9}
    learner: Any = build(T5, data, seed=0, precision="bf16", settings=settings, budget=Budget(steps=30))
    losses = train(learner, 30)

    assert learner.accelerator.mixed_precision == "bf16"
    assert losses[-1] < 0.5 * losses[0]
    assert len(learner.predict(data.queries())) == 9


def test_the_tokenizer_is_trained_on_the_training_split_only(few: TranslationData, trained: _t5.T5Translator) -> None:
    """An unknown character does not prevent a prediction."""
    characters = set("".join(few.texts("train")))
    vocabulary = set(trained.codec().tokenizer.get_vocab())

    assert characters <= vocabulary
    assert "ξ" not in vocabulary
    assert len(trained.predict(["ξ and ξ"])) == 1
