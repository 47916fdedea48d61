"""A valid plugin of one task and one model; tests plant faults by replacing lines of this file.

Kind `runs`: an input is a list of small whole numbers, an output is a row of two probabilities: is their mean high?
"""

from __future__ import annotations

import copy
import hashlib
import json
import random

import harness

VOCABULARY = 16
SIZES = {"train": 280, "validation": 80, "test": 41}


class Runs(harness.Task):
    name = "runs"
    kind = "runs"
    summary = "Is the mean of a run of numbers high?"
    metrics = (harness.Metric("accuracy", "share", "correct", higher_is_better=True, ceiling=1.0),)
    source = "drawn with a fixed seed"
    licence = "none"

    def identity(self, source, settings):
        return "runs 1"

    def data(self, source, settings):
        return RunsData()


class RunsData(harness.Data):
    classes = ("low", "high")
    sizes = SIZES

    def __init__(self):
        draw = random.Random(0)
        labels = {}
        while len(labels) < sum(SIZES.values()):
            run = tuple(draw.choices(range(1, VOCABULARY), k=draw.randint(1, 12)))
            labels[run] = int(sum(run) / len(run) >= VOCABULARY / 2)
        runs = list(labels.items())
        self.splits = {"test": runs[:41], "validation": runs[41:121], "train": runs[121:]}
        self.digest = hashlib.sha256(json.dumps(self.splits).encode()).hexdigest()

    def keys(self, split):
        return [run for run, _ in self.splits[split]]

    def references(self, split):
        return [[1.0 - label, float(label)] for _, label in self.splits[split]]

    def smaller(self, train, validation):
        part = copy.copy(self)
        part.splits = {
            **self.splits,
            "train": self.splits["train"][:train],
            "validation": self.splits["validation"][:validation],
        }
        part.sizes = {name: len(runs) for name, runs in part.splits.items()}
        return part

    def only(self, split, places):
        part = copy.copy(self)
        part.splits = {**self.splits, split: [self.splits[split][place] for place in places]}
        part.sizes = {**self.sizes, split: len(places)}
        return part

    def evaluate(self, predict, batch_size, split="test"):
        runs, labels = zip(*self.splits[split], strict=True)
        answers = []
        for start in range(0, len(runs), batch_size):
            answers += [int(row[1] > row[0]) for row in predict(runs[start : start + batch_size])]
        return {"correct": [float(a == b) for a, b in zip(answers, labels, strict=True)]}

    def queries(self):
        return [run for run, _ in self.splits["test"]]

    def random_baseline(self):
        labels = [label for _, label in self.splits["test"]]
        return {"accuracy": max(labels.count(0), labels.count(1)) / len(labels)}


class Mean(harness.Model):
    name = "mean"
    summary = "Mean of embeddings, a hidden layer, a dense layer"
    kinds = ("runs",)
    formats = ("onnx",)
    settings = {
        "learning_rate": harness.Setting(0.01, "Highest learning rate."),
        "batch_size": harness.Setting(16, "Runs in a gradient step."),
        "initialisation": harness.Setting("gaussian", "How weights are drawn.", ("gaussian", "xavier")),
    }

    def learner(self, assignment):
        return learner_class()(assignment)

    def codec(self, folder):
        return Padding()


class Padding(harness.Codec):
    def encode(self, inputs):
        import numpy as np

        longest = max(map(len, inputs))
        return {"ids": np.array([[*run, *[0] * (longest - len(run))] for run in inputs], dtype=np.int64)}

    def decode(self, arrays):
        import numpy as np

        shifted = np.exp(arrays["logits"] - arrays["logits"].max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)


def learner_class():
    import torch
    from torch import nn
    from torch.nn import functional

    from harness.torch_learner import TorchLearner

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, 1024, padding_idx=0)
            self.hidden = nn.ModuleList([nn.Linear(1024, 16)])
            self.dense = nn.Linear(16, 2)

        def forward(self, ids):
            mask = (ids > 0).unsqueeze(-1).float()
            mean = (self.embedding(ids) * mask).sum(1) / mask.sum(1)
            for layer in self.hidden:
                mean = torch.tanh(layer(mean))
            return {"logits": self.dense(mean)}

    class Learner(TorchLearner):
        def construct(self):
            return Network()

        def codec(self):
            return Padding()

        def examples(self):
            return self.assignment.data.splits["train"]

        def collate(self, examples):
            ids = self.codec().encode([run for run, _ in examples])["ids"]
            return {"ids": torch.from_numpy(ids), "labels": torch.tensor([label for _, label in examples])}

        def loss(self, network, batch):
            return functional.cross_entropy(network(batch["ids"])["logits"], batch["labels"])

    return Learner


@harness.hookimpl
def harness_tasks():
    return [Runs()]


@harness.hookimpl
def harness_models():
    return [Mean()]
