"""What translates: a memory of pairs, and a T5 that fills gaps first, then answers token by token, in ONNX too."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Assignment, Budget, StreamingPredictor, Unsupported
from harness.plan import filled
from harness_language import _t5
from harness_language._codecs import END_ID, SPAN_IDS, TranslationCodec, train_pieces
from harness_language._phrases import SIZES
from harness_language.models import T5, Nearest
from harness_language.tasks import Translation
from harness_language.translations import Pair, TranslationData, translated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness import Learner, Model

# torch's own exporter uses what torch has deprecated.
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
    whole = translated(Translation().data(None, {name: one.default for name, one in Translation.settings.items()}))
    return TranslationData({split: whole.pairs(split)[:200] for split in SIZES}, "zh")


def build(model: type[Model], data: Any, stage: Any = "finetune", seed: int = 3, **changes: Any) -> Learner:
    """Return a small learner; `settings` are added to the defaults."""
    given = {name: value for name, value in SMALL.items() if name in model.settings} | changes.pop("settings", {})
    fixed = {"device": "cpu", "precision": "fp32", "budget": Budget(steps=40)} | changes
    return model().learner(Assignment(stage, data, model.sizes[0], filled(given, model.settings), seed=seed, **fixed))


def train(learner: Learner, steps: int) -> list[float]:
    """Take steps and return their losses."""
    return [learner.step().losses["loss"] for _ in range(steps)]


@pytest.fixture(scope="module")
def trained(few: TranslationData) -> _t5.T5Translator:
    """Return a T5 that has begun to write Chinese, not yet the right."""
    learner = build(T5, few)
    train(learner, 40)
    return learner  # type: ignore[return-value]


# Nearest --------------------------------------------------------------------------------------------------------


def test_nearest_knows_what_it_has_seen_and_finds_what_is_like_it(few: TranslationData) -> None:
    """A known text gets its own translation, one that differs in a sign that of the known one."""
    learner = build(Nearest, few)
    done = learner.step()
    pairs = few.pairs("train")[:30]

    assert done.done
    assert done.consumed == {"samples": 200}
    assert learner.predict([pair.source for pair in pairs]) == [pair.target for pair in pairs]
    assert learner.predict([f"{pairs[0].source}!"]) == [pairs[0].target]
    assert learner.parameters() is None


def test_nearest_is_saved_whole_and_answers_what_it_never_saw(few: TranslationData, tmp_path: Path) -> None:
    """Whatever is asked is answered with some known translation."""
    learner, loaded = build(Nearest, few), build(Nearest, few)
    learner.step()
    learner.save(tmp_path)
    loaded.load(tmp_path)
    texts = [*few.queries()[:9], "ξ", ""]
    targets = {pair.target for pair in few.pairs("train")}

    assert loaded.predict(texts) == learner.predict(texts)
    assert set(loaded.predict(texts)) <= targets


def test_nearest_computes_in_fp32_only(few: TranslationData) -> None:
    """Another precision is refused by name."""
    with pytest.raises(Unsupported, match=r"bf16\. Use fp32"):
        build(Nearest, few, precision="bf16")


# The tokenizer --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def codec() -> TranslationCodec:
    """Return a codec whose tokenizer has seen each of the letters."""
    return TranslationCodec(train_pieces([LETTERS, "abc abc bad", "2024年1月1日星期一"], 30), 500)


@settings(max_examples=100, deadline=None)
@given(text=st.text(LETTERS, max_size=60))
def test_no_character_is_lost(codec: TranslationCodec, text: str) -> None:
    """What is read can be written again: capitals, blanks, signs and accents."""
    ids = codec.ids([text])[0]

    assert ids[-1] == END_ID
    assert END_ID not in ids[:-1]
    assert codec.decode({"tokens": np.array([ids])}) == [text]


def test_the_tokens_after_the_end_are_not_read(codec: TranslationCodec) -> None:
    """Whatever stands there; an answer without an end is read whole."""
    (ids,) = codec.ids(["abc"])
    cut = [ids + ids, (ids[:-1] * 2 * len(ids))[: 2 * len(ids)]]

    assert codec.decode({"tokens": np.array([cut[0]])}) == ["abc"]
    assert set(codec.decode({"tokens": np.array([cut[1]])})[0]) == set("abc")


# Span corruption ------------------------------------------------------------------------------------------------


def restored(rest: Sequence[int], answer: Sequence[int]) -> list[int]:
    """Put the spans back in their marks' places."""
    spans: dict[int, list[int]] = {}
    for token in answer[:-1]:
        spans.setdefault(token, []) if token in SPAN_IDS else spans[list(spans)[-1]].append(token)
    return [piece for token in rest for piece in spans.get(token, [token])]


@settings(max_examples=200, deadline=None)
@given(inner=st.lists(st.integers(SPAN_IDS.stop, 999), max_size=300))
def test_what_was_cut_out_stands_in_the_answer(inner: list[int]) -> None:
    """Both together give the text; about 15 % are cut, marks come in order and once, in each text as in its answer."""
    rest, answer = _t5.corrupt([*inner, END_ID])
    marks = [[token for token in side if token in SPAN_IDS] for side in (rest, answer)]
    lost = len(answer) - 1 - len(marks[1])

    assert restored(rest, answer) == [*inner, END_ID]
    assert marks[0] == marks[1] == sorted(set(marks[0]))
    assert abs(lost - _t5.CORRUPTED * len(inner)) <= 1
    assert rest[-1] == answer[-1] == END_ID
    assert all(count == 1 for token, count in Counter(rest).items() if token in SPAN_IDS)


def test_a_pretraining_learns_does_not_translate_and_is_carried_over(few: TranslationData, tmp_path: Path) -> None:
    """Fine-tuning begins with its weights and its tokenizer, whatever the settings say of the latter."""
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
    with pytest.raises(Unsupported, match=r"does nothing else yet\. Fine-tune it"):
        pretraining.predict(["one"])


# T5 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["default", "random", "gaussian", "xavier"])
def test_initialisation_is_a_setting(few: TranslationData, scheme: str) -> None:
    """A matrix is spread as the scheme says (T5's own is 1/sqrt(d_model)), norms stay 1, and a step can be taken."""
    learner: Any = build(T5, few, settings={"initialisation": scheme})
    layer = learner.module().t5.encoder.block[0].layer[1]
    spread, norm = layer.DenseReluDense.wi.weight.std().item(), layer.layer_norm.weight
    expected = {"default": 128**-0.5, "random": 1.0, "gaussian": 0.02, "xavier": (6 / (128 + 256) / 3) ** 0.5}

    assert spread == pytest.approx(expected[scheme], rel=0.05)
    assert (norm == 1).all()
    assert np.isfinite(train(learner, 2)).all()


def test_what_distance_counts_for_is_steep_from_the_start(few: TranslationData) -> None:
    """Both halves of a new T5 tell places apart; no other weight is as T5 does not draw it."""
    network: Any = build(T5, few).module()
    biases = [weight for name, weight in network.named_parameters() if "relative_attention_bias" in name]

    assert len(biases) == 2
    assert all(bias.std().item() == pytest.approx(_t5.STEEPNESS, rel=0.3) for bias in biases)
    assert network.t5.shared.weight.std().item() == pytest.approx(1.0, rel=0.05)


def test_it_soon_copies_numbers_that_it_never_saw() -> None:
    """Digits come in their order: what T5 learnt last before distances were steep and steps in proportion."""
    numbers = torch.randperm(900, generator=torch.Generator().manual_seed(0)).add(100).tolist()
    pairs = [Pair(f"{number} days", f"{number}天") for number in numbers[:650]]
    data = TranslationData({"train": pairs[:600], "validation": [], "test": pairs[600:]}, "zh")
    learner = build(T5, data, settings={"batch_size": 32, "max_new_tokens": 6}, budget=Budget(steps=100))
    train(learner, 100)
    exact = data.evaluate(learner.predict, 50).scores["exact"]

    assert np.mean(exact) > 0.8


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_step_is_in_proportion_to_a_matrix(few: TranslationData, stage: Any) -> None:
    """Adafactor moves embeddings and queries alike for their size, at most by the rate, and decays them where told."""
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


def test_it_learns_to_say_what_it_was_taught(few: TranslationData) -> None:
    """A handful of pairs, seen often, is translated to the letter."""
    pairs = few.pairs("train")[:4]
    one = TranslationData(dict.fromkeys(SIZES, pairs), "zh")
    learner = build(T5, one, settings={"batch_size": 4, "max_new_tokens": 40}, budget=Budget(steps=120))
    train(learner, 120)

    assert list(learner.predict([pair.source for pair in pairs])) == [pair.target for pair in pairs]


def test_the_same_seed_gives_the_same_bits(few: TranslationData) -> None:
    """Losses of two trainings are equal to the bit; another seed gives others."""
    runs = [train(build(T5, few, seed=seed), 3) for seed in (5, 5, 6)]

    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_decoding_with_a_memory_says_what_reading_everything_anew_says(
    few: TranslationData, trained: _t5.T5Translator
) -> None:
    """Token by token the answers are those of transformers' own `generate` without its cache."""
    network: Any = trained.module().eval()
    arrays = trained.codec().encode(few.queries()[:12])
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    with torch.inference_mode():
        ours = network(**tensors)["tokens"].numpy()
        del tensors["at_most"]  # a limit beside the network's own, which is not reached here
        theirs = network.t5.generate(**tensors, max_new_tokens=network.longest, do_sample=False, use_cache=False)
    theirs = theirs[:, 1:].numpy()

    assert (ours[:, : theirs.shape[1]] == theirs).all()
    assert not ours[:, theirs.shape[1] :].any()
    assert len({tuple(row) for row in ours}) > 1


def test_an_answer_does_not_depend_on_its_neighbours(few: TranslationData, trained: _t5.T5Translator) -> None:
    """Not on how long they are, nor on when they end."""
    texts = sorted(few.queries(), key=len)
    chosen = [*texts[:3], *texts[-3:], ""]

    assert list(trained.predict(chosen)) == [trained.predict([text])[0] for text in chosen]


def test_what_is_saved_is_what_is_loaded(few: TranslationData, trained: _t5.T5Translator, tmp_path: Path) -> None:
    """The loaded learner and the codec of the folder know everything, whatever the assignment says."""
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


def test_the_first_token_is_the_answers_own_and_no_more_is_said(
    few: TranslationData, trained: _t5.T5Translator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is timed as the first token is the beginning of the answer, after one step of the decoder."""
    from harness_hardware.runtimes import Eager

    network: Any = trained.module().eval()
    codec, texts = trained.codec(), few.queries()[:9]
    whole = {name: torch.from_numpy(array) for name, array in codec.encode(texts).items()}
    begun = {name: torch.from_numpy(array) for name, array in codec.first().encode(texts).items()}
    steps: list[int] = []
    say = network._say
    monkeypatch.setattr(network, "_say", lambda said, *state: steps.append(int(said)) or say(said, *state))
    with torch.inference_mode():
        one, all_of_them = (network(**arrays)["tokens"] for arrays in (begun, whole))
    trained.save(tmp_path)
    predict = Eager().predictor(T5(), trained.assignment, tmp_path, None)

    assert steps[:2] == [0, 0]
    assert len(steps) > 3
    assert torch.equal(one[:, :1], all_of_them[:, :1])
    assert not one[:, 1:].any()
    assert isinstance(predict, StreamingPredictor)
    assert all(text.startswith(first) for text, first in zip(predict(texts), predict.first(texts), strict=True))


def test_the_loop_is_captured_whole(few: TranslationData, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an export begins with: one graph with the loop in it says what torch says, of any texts."""
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
def test_the_exported_loop_says_what_torch_says(
    few: TranslationData, trained: _t5.T5Translator, tmp_path: Path
) -> None:
    """One graph with the loop in it: any number of texts of any length, each token the same."""
    from harness_hardware.runtimes import OnnxRuntime

    trained.save(tmp_path)
    folder = tmp_path / "exported"
    folder.mkdir()
    readings = OnnxRuntime().export(T5(), trained, tmp_path, few.queries()[:16], folder)
    predict = OnnxRuntime().predictor(T5(), trained.assignment, tmp_path, folder)
    texts = sorted(few.queries(), key=len)

    assert readings["largest_difference"].value == 0
    assert readings["compared_outputs"].value >= 16 * SMALL["max_new_tokens"]
    assert isinstance(predict, StreamingPredictor)
    first = trained.first()
    assert first is not None
    for batch in (texts[:1], texts[-1:], texts[5:12], texts, ["1"], [""]):
        assert list(predict(batch)) == list(trained.predict(batch))
        assert list(predict.first(batch)) == list(first(batch))


@pytest.mark.usefixtures("no_precision_yet")
def test_it_also_trains_and_answers_in_bf16() -> None:
    """The memory of what was said takes what the layers give."""
    data = TranslationData({split: [Pair(f"{n} days", f"{n}天") for n in range(9)] for split in SIZES}, "zh")
    given = {"max_new_tokens": 5, "batch_size": 9}
    learner: Any = build(T5, data, seed=0, precision="bf16", settings=given, budget=Budget(steps=30))
    losses = train(learner, 30)

    assert learner.accelerator.mixed_precision == "bf16"
    assert losses[-1] < 0.5 * losses[0]
    assert len(learner.predict(data.queries())) == 9


def test_its_pieces_are_those_of_the_training_split(few: TranslationData, trained: _t5.T5Translator) -> None:
    """A character that only the test holds is unknown, and no text is lost for it."""
    seen = set("".join(few.texts("train")))
    known = set(trained.codec().tokenizer.get_vocab())

    assert seen <= known
    assert "ξ" not in known
    assert len(trained.predict(["ξ and ξ"])) == 1
