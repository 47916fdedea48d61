"""A valid plugin passes; the check of each planted fault fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.plugins import load_plugins
from harness.testing import check, checks

SOUND = Path(__file__).with_name("sound_plugin.py").read_text(encoding="utf-8")
LEARNER = "    class Learner(TorchLearner):\n"


def _method(body: str) -> str:
    return LEARNER + body + "\n"


FAULTS: dict[str, tuple[str, str, str]] = {
    "a layer is not registered": ("nn.ModuleList([nn.Linear(1024, 16)])", "[nn.Linear(1024, 16)]", "layers_are_registered"),
    "dropout stays on": ("self.dense(mean)", "self.dense(functional.dropout(mean, 0.5, training=True))", "steady_answers"),
    "test items are in train": ('"train": runs[121:]', '"train": runs[40:]', "splits_do_not_overlap"),
    "padding gives no number": ("mean = (self.embedding(ids) * mask)", "mean = (self.embedding(ids) / mask * mask)", "longest_input"),
    "padding is counted": ("/ mask.sum(1)", "/ ids.shape[1]", "longest_input"),
    "a metric the wrong way round": ("higher_is_better=True", "higher_is_better=False", "shuffled_references_are_no_better_than_random"),
    "a heavy import at load": ("import random\n", "import random\nimport torch\n", "light_import"),
    "a name that is taken": ('name = "mean"', 'name = "tfidf"', "loads"),
    "an export that bakes the batch in": (
        'return {"logits": self.dense(mean)}',
        'size = 2 if torch.compiler.is_exporting() else len(ids)\n            return {"logits": self.dense(mean.reshape(size, 16))}',
        "exports",
    ),
    "a wrong number of parameters": (
        LEARNER, _method("        def parameters(self):\n            return super().parameters() + 1\n"), "parameter_count",
    ),
    "a fixed seed inside": ("super().__init__()\n", "super().__init__()\n            torch.manual_seed(7)\n", "another_seed"),
    "a generator nobody seeded": (
        'return self.assignment.data.splits["train"]',
        'return random.SystemRandom().sample(self.assignment.data.splits["train"], 200)',
        "same_seed",
    ),
    "wrong operations": (LEARNER, _method("        def flops(self, inputs):\n            return 7\n"), "flop_count"),
    "an initialisation that is ignored": (
        LEARNER,
        _method(
            "        def __init__(self, assignment):\n            from dataclasses import replace\n"
            "            super().__init__(replace(assignment, settings={**assignment.settings, 'initialisation': 'gaussian'}))\n"
        ),
        "initialisation",
    ),
    "a gradient that is cut off": ("(self.embedding(ids) *", "(self.embedding(ids).detach() *", "gradients_reach_everything"),
    "labels of nobody": ("torch.tensor([label for _, label in examples])", "torch.randint(2, (len(examples),))", "loss_falls"),
    "items of a batch know each other": ("self.dense(mean)", "self.dense(mean - mean.mean(0))", "batch_of_one"),
    "answers that are kept": (
        LEARNER,
        _method(
            "        kept = {}\n        def predict(self, inputs):\n            for one in inputs:\n"
            "                if one not in self.kept:\n                    self.kept[one] = super().predict([one])[0]\n"
            "            return [self.kept[one] for one in inputs]\n"
        ),
        "keeps_no_answers",
    ),
    "weights that are not saved": (
        LEARNER, _method("        def load(self, folder):\n            self.module()\n"), "save_and_load",
    ),
    "a pickle in the artifact": (
        LEARNER,
        _method("        def write(self, folder):\n            import pickle\n            (folder / 'codec').write_bytes(pickle.dumps(1))\n"),
        "no_pickle",
    ),
    "an output too few": ('arrays["logits"].max(axis=1', 'arrays["logits"][:-1].max(axis=1', "answers_are_graded"),
    "a setting without a word": ('"Highest learning rate."', '""', "declaration"),
    "a task it cannot be built for": ("return learner_class()(assignment)", "return assignment.data.vocabulary", "builds"),
    "labels out of range": ("[1.0 - label, float(label)]", "[float(label), 1.0 - label]", "references_are_perfect"),
    "a digest of an unordered set": (
        "json.dumps(self.splits)", "repr(set(map(str, self.splits['train'])))", "deterministic",
    ),
    "a digest of the clock": ('"runs 1"', '__import__("time").time_ns().__str__()', "identity_is_steady"),
    "a grade that depends on the batch": (
        "float(a == b) for", "float(a == b) * min(1.0, batch_size / 4) for", "scores_have_one_row_per_item",
    ),
    "rows that differ": (
        '    classes = ("low", "high")', '    classes = ("low", "high")\n\n    def items(self, split):\n        return {split: [0] * SIZES[split]}',
        "scores_have_one_row_per_item",
    ),
    "a baseline nobody has": ('    licence = "none"', '    licence = "none"\n    baseline = "no-such"', "names_are_known"),
    "no licence": ('    licence = "none"', '    licence = ""', "declaration"),
    "a random baseline that is too low": ("max(labels.count(0), labels.count(1)) / len(labels)", "0.0", "shuffled_references_are_no_better_than_random"),
    "no random baseline": ('return {"accuracy": max(', 'return {"recall": max(', "random_baseline_is_told"),
    "a smaller test split": ('"train": self.splits["train"][:train]', '"test": self.splits["test"][:40]', "smaller_is_a_part"),
    "smaller by other items": ('self.splits["train"][:train]', '[(run[::-1], label) for run, label in self.splits["train"][:train]]', "smaller_is_a_part"),
    "smaller that is not": ("[:validation]", "", "smaller_is_a_part"),
    "a sample of other items": ("for place in places]", "for place in range(len(places))]", "only_is_what_is_asked_for"),
    "a sample of another size": ("split: len(places)}", "split: len(places) + 1}", "only_is_what_is_asked_for"),
    "a loss that dips now and then": (
        'return functional.cross_entropy(network(batch["ids"])["logits"], batch["labels"])',
        'self.spec = getattr(self, "asked", -1) + 1\n            return network(batch["ids"])["logits"].sum() * 0 + (0.5 if self.spec % 3 == 2 else 1.0)',
        "loss_falls",
    ),
    "no queries": ('return [run for run, _ in self.splits["test"]]', "return []", "queries_are_steady"),
}  # fmt: skip


def _plant(folder: Path, fault: str) -> str:
    old, new, _ = FAULTS[fault]
    assert old in SOUND, old
    file = folder / "planted.py"
    file.write_text(SOUND.replace(old, new), encoding="utf-8")
    return str(file)


def test_the_sound_plugin_passes(tmp_path: Path) -> None:
    """No check fails; a skipped one has its reason."""
    file = tmp_path / "sound.py"
    file.write_text(SOUND, encoding="utf-8")
    findings = check(str(file))

    assert findings.ok, str(findings)
    assert [(finding.check, finding.why) for finding in findings if finding.outcome == "skipped"] == [
        ("flop_count", "They are counted, not declared."),
        ("bad_source_is_refused", "It takes no data of your own."),
    ]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_by_its_check(tmp_path: Path, fault: str) -> None:
    """The fault's check fails with a reason and a remedy."""
    name = FAULTS[fault][2]
    named = [one for one in checks(_plant(tmp_path, fault), load_plugins()) if one.name == name]
    tries = 3 if name == "keeps_no_answers" else 1  # it compares times, which other work on the machine may hide
    findings = (one.find() for _ in range(tries) for one in named)
    failed = next((finding for finding in findings if finding.outcome == "failed"), None)

    assert failed is not None
    assert failed.why
    assert failed.remedy
