"""The model my-name: two dense layers over hashed words. Change it, then run: harness check my_name.py"""

import harness

SETTINGS = {
    "learning_rate": harness.Setting(0.01, "Highest learning rate of AdamW."),
    "batch_size": harness.Setting(32, "Texts in a gradient step."),
}


class MyName(harness.Model):
    name = "my-name"
    summary = "Two dense layers over hashed words"
    kinds = ("text-classification",)
    formats = ("onnx",)
    settings = SETTINGS

    def learner(self, assignment):
        from harness.torch_learner import TorchLearner  # heavy: not at the top
        from torch.nn import Linear, ReLU, Sequential, functional

        class Network(Sequential):
            def forward(self, words):
                return {"logits": super().forward(words)}

        class MyNameLearner(TorchLearner):  # with the loop, the optimizer, the seeds, saving and loading
            def construct(self):
                return Network(Linear(Words.SIZE, 64), ReLU(), Linear(64, len(self.assignment.data.classes)))

            def examples(self):
                texts, labels = self.assignment.data.examples("train")
                return [{"words": w, "labels": y} for w, y in zip(Words().encode(texts)["words"], labels, strict=True)]

            def loss(self, network, batch):
                return functional.cross_entropy(network(batch["words"])["logits"], batch["labels"])

        return MyNameLearner(assignment, Words())

    def codec(self, folder):
        return Words()


class Words(harness.Codec):  # texts to the network's arrays, and its outputs to probabilities
    SIZE = 4096

    def encode(self, inputs):
        from sklearn.feature_extraction.text import HashingVectorizer

        return {"words": HashingVectorizer(n_features=self.SIZE, dtype="float32").transform(inputs).toarray()}

    def decode(self, arrays):
        from scipy.special import softmax

        return softmax(arrays["logits"], axis=1)


@harness.hookimpl
def harness_models():
    return [MyName()]
