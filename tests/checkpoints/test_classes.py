"""A checkpoint's classes are matched by name with those of the data; a head that is no use is drawn anew, and said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import PluginError
from harness.plugins import load_plugins
from harness.seams import Assignment, Budget
from harness.settings import filled
from harness.store import peek_records
from harness_checkpoints.classes import columns, config_labels, match_head
from harness_language.data import Examples, TextClassificationData

WORDS = {"awful": "negative", "lovely": "positive", "plain": "neutral"}


@pytest.fixture(scope="module")
def expert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint that is right every time; its outputs are positive, negative, neutral."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("experts") / "expert"
    tokenizer = _word_tokenizer(folder)
    order = ["positive", "negative", "neutral"]
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    network = BertForSequenceClassification(
        BertConfig(vocab_size=len(tokenizer), id2label=dict(enumerate(order)), **shape)
    )
    texts = [f"{word} thing number {number}" for word in WORDS for number in range(8)]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    wanted = torch.tensor([order.index(WORDS[text.split()[0]]) for text in texts])
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(60):
        network(**inputs, labels=wanted).loss.backward()
        optimizer.step(), optimizer.zero_grad()
    network.save_pretrained(folder)
    return folder


def _word_tokenizer(folder: Path) -> Any:
    """Save a tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]"]
    words.train_from_iterator(
        [*WORDS, "thing number"], trainers.WordLevelTrainer(special_tokens=special, show_progress=False)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]")
    tokenizer.save_pretrained(folder)
    return tokenizer


def _renamed(expert: Path, folder: Path, **changes: Any) -> Path:
    """Return a copy with another configuration."""
    shutil.copytree(expert, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
    return folder


def _data(*classes: str) -> TextClassificationData:
    """Return texts of these classes."""
    names = sorted(classes)
    rows = [(f"{word} thing number {n}", names.index(c)) for word, c in WORDS.items() if c in names for n in range(8)]
    split = Examples(*zip(*rows, strict=True))  # type: ignore[arg-type]
    return TextClassificationData(names, {"train": split, "validation": split, "test": split})


def _accuracy(folder: Path, data: TextClassificationData, **settings: Any) -> float:
    model = load_plugins().find("models", f"hf:{folder}")
    assignment = Assignment(
        "finetune", data, "default", filled(settings, model.settings), "cpu", "fp32", 0, pretrained=True
    )
    scores = data.evaluate(model.learner(assignment).predict, 5).scores
    return float(np.mean(scores["correct"]))


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (("b", "a"), ("a", "b"), (1, 0)),
        (("POSITIVE", "negative"), ("Negative", "Positive"), (1, 0)),
        (("sci_tech", "world news"), ("World-News", "Sci Tech"), (1, 0)),
        (("c", "C"), ("C", "c"), (1, 0)),  # case distinguishes them
        (("a", "b", "c"), ("c", "a"), (2, 0)),  # a head may know more
        (("LABEL_0", "LABEL_1"), ("0", "1"), (0, 1)),
        (("LABEL_1", "LABEL_0"), ("LABEL_0", "LABEL_1"), (1, 0)),
        (("LABEL_0", "LABEL_1"), ("bad", "good"), None),
        (("LABEL_0", "LABEL_1", "LABEL_2"), ("1", "2"), None),  # they may be stars, counted from 1
        (("1", "01"), ("01", "1"), (1, 0)),
        (("a", "b"), ("a", "c"), None),
        (("a", "a"), ("a", "b"), None),
        (("c", "C"), ("c", "d"), None),
    ],
)
def test_columns_are_found_by_name(labels: tuple[str, ...], classes: tuple[str, ...], expected: Any) -> None:
    """Exactly, or without regard to case and spacing; numbers that transformers made up name nothing but numbers."""
    assert columns(labels, classes) == expected


@pytest.mark.parametrize(
    "config",
    [
        {"id2label": {"10": "k", "2": "c", "0": "a"}},
        {"label2id": {"k": 10, "a": 0, "c": 2}},
        {"id2label": ["a", "c", "k"]},
    ],
)
def test_the_classes_of_a_configuration(config: dict[str, Any]) -> None:
    """By number, whether the numbers are keys, which JSON writes as texts, or values."""
    assert config_labels(config) == ("a", "c", "k")


def _parameters(folder: Path) -> int:
    from safetensors.numpy import load_file

    return sum(weight.size for weight in load_file(folder / "model.safetensors").values())


@pytest.mark.parametrize(("start", "runtimes", "first"), [
    ("as-is", ["eager"], []),
    ("pretrained", ["eager"], ["finetune"]),
    pytest.param("as-is", ["eager", "onnxruntime"], ["export"], marks=pytest.mark.slow),
])  # fmt: skip
def test_an_expert_measures_one(
    expert: Path,
    tmp_path: Path,
    start: str,
    runtimes: list[str],
    first: list[str],
    libraries_at_hand: None,
    harness_command: Callable[..., Any],
) -> None:
    """With fine-tuning and without, where nothing is trained; plan and record say how the classes were matched."""
    shutil.copytree(expert, tmp_path / "expert")
    rows = [f"{word} thing number {n},{c}" for word, c in WORDS.items() for n in range(40)]
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    budgets = ", budgets: {finetune: {steps: 1}}" if start == "pretrained" else ""  # nothing else is trained
    (tmp_path / "s.yaml").write_text(
        f"{{name: s, models: ['hf:expert'], tasks: [text-classification], starts: [{start}], scenarios: [Offline], "
        f"runtimes: {runtimes}, serve: {{seconds: 0.1, queries: 5}}{budgets}}}",
        encoding="utf-8",
    )
    planned = harness_command(tmp_path, "run", "s.yaml", "--data", "reviews.csv", "--dry-run")
    done = harness_command(tmp_path, "run", "s.yaml", "--data", "reviews.csv")
    again = harness_command(tmp_path, "run", "s.yaml", "--data", "reviews.csv", "--dry-run")
    table = harness_command(tmp_path, "table", "accuracy", "--format", "csv")
    records = peek_records(str(tmp_path / "harness-results"))
    note = "classes are matched by name: negative is output 1, neutral is output 2, positive is output 0."

    assert done.code == 0, done.stdout + done.stderr
    assert {record.outcome for record in records} == {"ok"}
    assert sorted(record.step for record in records) == sorted([*["evaluate", "serve"] * len(runtimes), *first])
    assert {correct for record in records if record.step == "evaluate" for correct in record.scores["correct"]} == {1.0}
    assert all(any(note in noted for noted in r.notes) for r in records if r.step == "evaluate")
    described = [r for r in records if r.step == ("finetune" if start == "pretrained" else "evaluate")]
    assert {record.value("parameters") for record in described} == {_parameters(expert)}
    assert all((record.value("forward_flops_per_sample") or 0) > 0 for record in described)
    assert note in planned.stdout
    assert note in done.stdout
    assert "0 to do" in again.stdout
    assert table.stdout.count(f",{start},") == len(runtimes)


def test_a_head_with_more_classes_than_the_data(expert: Path) -> None:
    """The data's columns alone are compared."""
    assert _accuracy(expert, _data("positive", "negative")) == 1


def test_names_that_the_user_gives(expert: Path, tmp_path: Path) -> None:
    """For a head whose outputs have no names; another number of names is refused."""
    bare = _renamed(expert, tmp_path / "bare", id2label=None, label2id=None, num_labels=3)
    classes = _data("positive", "negative", "neutral")

    assert _accuracy(bare, classes, labels="positive,negative,neutral") == 1
    with pytest.raises(PluginError, match="names 2 classes; the head has 3"):
        _accuracy(bare, classes, labels="positive,negative")
    with pytest.raises(PluginError, match="the data have the classes negative, neutral, positive"):
        _accuracy(bare, classes, labels="a,b,c")


REFUSED = [
    ({"architectures": None}, "its config.json names no `architectures`"),
    ({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}, "its classes are LABEL_0, LABEL_1, LABEL_2"),
    ({"id2label": {"0": "joy", "1": "anger", "2": "fear"}}, "its classes are joy, anger, fear, the data's negative"),
    ({"problem_type": "multi_label_classification"}, "its head is for multi_label_classification"),
    ({"problem_type": "regression"}, "its head is for regression"),
    ({"architectures": ["BertForTokenClassification"]}, r"no such head \(its architecture is BertForTokenClass"),
    ({"architectures": ["BertForMaskedLM"]}, r"no such head \(its architecture is BertForMaskedLM\)"),
]


UNNAMED = {
    "architectures": [],
    "problem_type": "regression",
    "id2label": {"0": "positive", "1": "negative"},
}


@pytest.mark.parametrize("changed", UNNAMED)
def test_a_remedy_is_one_that_helps(expert: Path, tmp_path: Path, changed: str) -> None:
    """No names help a head for something else, or with too few outputs, or a configuration that says nothing of one."""
    model = load_plugins().find("models", f"hf:{_renamed(expert, tmp_path / 'other', **{changed: UNNAMED[changed]})}")
    data, settings = _data("positive", "negative", "neutral"), filled({}, model.settings)
    [note] = model.check(data, settings, "pretrained")
    with pytest.raises(PluginError) as refused:
        model.check(data, settings, "as-is")

    assert "--setting labels" not in note
    assert "--setting labels" not in str(refused.value)
    assert str(refused.value).endswith("Fine-tune it, starts: [pretrained].")
    if changed == "architectures":
        assert 'If it has, add "architectures": ["BertForSequenceClassification"]' in str(refused.value)


@pytest.mark.parametrize(("changes", "why"), REFUSED)
def test_a_head_that_is_no_use_is_drawn_anew_and_said(
    expert: Path, tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    """Only fine-tuning helps then: as it is, the checkpoint is refused before anything is written."""
    from safetensors.numpy import load_file

    folder = _renamed(expert, tmp_path / "other", **changes)
    data = _data("positive", "negative", "neutral")
    model = load_plugins().find("models", f"hf:{folder}")
    settings = filled({}, model.settings)
    notes = model.check(data, settings, "pretrained")
    networks = [
        model.learner(Assignment("finetune", data, "default", settings, "cpu", "fp32", seed, pretrained=True)).module()
        for seed in (0, 0, 1)
    ]
    heads = [network.model.classifier.weight.detach().numpy() for network in networks]
    saved = load_file(folder / "model.safetensors")

    assert len(notes) == 1
    assert "Its head is drawn anew" in notes[0]
    with pytest.raises(PluginError, match=f"cannot answer as it is for text-classification: .*{why}"):
        model.check(data, settings, "as-is")
    assert not model.check(data, settings, "scratch")
    assert np.array_equal(heads[0], heads[1])
    assert not np.array_equal(heads[0], heads[2])
    assert not np.array_equal(heads[0], saved["classifier.weight"])
    assert np.array_equal(
        networks[0].model.bert.embeddings.word_embeddings.weight.detach(),
        saved["bert.embeddings.word_embeddings.weight"],
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_in_half_precision_and_in_shards(expert: Path, tmp_path: Path, dtype: str) -> None:
    """They answer as the whole ones do."""
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    half = BertForSequenceClassification.from_pretrained(expert, dtype=getattr(torch, dtype))
    half.save_pretrained(tmp_path, max_shard_size="10KB")
    AutoTokenizer.from_pretrained(expert).save_pretrained(tmp_path)

    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert _accuracy(tmp_path, _data("positive", "negative", "neutral")) == 1


def test_a_fine_tuned_head_keeps_its_order_when_it_is_loaded(expert: Path, tmp_path: Path) -> None:
    """Matched or drawn anew, saved and loaded it answers the same."""
    data = _data("positive", "negative", "neutral")
    for folder in (expert, _renamed(expert, tmp_path / "new", id2label={"0": "x", "1": "y", "2": "z"})):
        model = load_plugins().find("models", f"hf:{folder}")
        settings = filled({"learning_rate": 0.003}, model.settings)
        assignment = Assignment(
            "finetune", data, "default", settings, "cpu", "fp32", 0, Budget(steps=2), pretrained=True
        )
        learner, loaded = model.learner(assignment), model.learner(assignment)
        learner.step()
        (saved := tmp_path / f"saved {folder.name}").mkdir()
        learner.save(saved)
        loaded.load(saved)

        assert np.allclose(np.asarray(learner.predict(data.queries())), np.asarray(loaded.predict(data.queries())))


def test_images_are_matched_too(checkpoints: Path, tmp_path: Path) -> None:
    """Of two copies whose configurations differ in the order of the classes, each answers in its own."""
    import transformers

    data = load_plugins().tasks["image-classification"].data(None, {})
    answers = []
    for name, order in (("up", list("0123456789")), ("down", list("9876543210"))):
        network = transformers.ViTForImageClassification.from_pretrained(
            checkpoints / "vit", id2label=dict(enumerate(order)), ignore_mismatched_sizes=True
        )
        network.classifier.weight.data = (numbers := np.random.default_rng(0)) and _tensor(numbers, 10, 32)
        network.save_pretrained(tmp_path / name)
        model = load_plugins().find("models", f"hf:{tmp_path / name}")
        settings = filled({}, model.settings)
        assignment = Assignment("finetune", data, "default", settings, "cpu", "fp32", 0, pretrained=True)
        answers.append(np.asarray(model.learner(assignment).predict(data.queries()[:4])))

    assert np.allclose(answers[0], answers[1][:, ::-1])
    assert not np.allclose(answers[0], answers[1])


def _tensor(numbers: np.random.Generator, *shape: int) -> Any:
    import torch

    return torch.from_numpy(numbers.standard_normal(shape, np.float32))


def test_a_task_that_the_checkpoint_does_not_do(
    expert: Path, tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """The message says what it is and what it does."""
    shutil.copytree(expert, tmp_path / "expert")
    refused = harness_command(
        tmp_path, "run", "quick", "--model", "hf:expert", "--task", "language-modelling", "--dry-run"
    )

    assert refused.code == 2
    assert "The tasks are of the kind language-modelling." in refused.stderr
    assert (
        "hf:expert (Checkpoint of BertForSequenceClassification (expert)) does text-classification." in refused.stderr
    )


def test_what_cannot_answer_as_it_is_is_refused_by_the_plan(
    expert: Path, tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """With a remedy, and nothing is written; a model that has to be trained is, beside one that is not."""
    _renamed(expert, tmp_path / "other", id2label={"0": "x", "1": "y", "2": "z"})
    shutil.copytree(expert, tmp_path / "expert")
    rows = [f"{word} thing number {n},{c}" for word, c in WORDS.items() for n in range(40)]
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    (tmp_path / "s.yaml").write_text(
        "{name: s, models: [tfidf, 'hf:expert'], tasks: [text-classification], starts: [as-is], scenarios: [Offline], "
        "budgets: {finetune: {steps: 1}}}",
        encoding="utf-8",
    )
    command = ["run", "s.yaml", "--data", "reviews.csv", "--dry-run"]
    taken = harness_command(tmp_path, *command)
    refused = harness_command(tmp_path, *command, "--model", "hf:other")

    assert taken.code == 0, taken.stderr
    assert "finetune tfidf on text-classification (reviews) from scratch" in taken.stdout
    assert "evaluate hf:expert on text-classification (reviews) eager as it is" in taken.stdout
    assert "finetune hf:expert" not in taken.stdout
    assert refused.code == 2
    assert "--setting labels=a,b,c (in a suite: models: " in refused.stderr
    assert "else fine-tune it, starts: [pretrained]" in refused.stderr
    assert not (tmp_path / "harness-results").exists()


def test_a_head_is_described_without_its_weights() -> None:
    """Classes without names are as many as the configuration says, two by default."""
    head = match_head({"architectures": ["A"], "num_labels": 3}, "", (), ("0", "1", "2"))

    assert head.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert head.columns == (0, 1, 2)
    assert match_head({}, "", (), ("0", "1")).columns == (0, 1)
    assert match_head({}, "it has none", (), ("0", "1")).columns is None
