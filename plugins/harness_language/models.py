"""The declarations of the models; the private modules beside this one implement them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness import Assignment, Codec, Learner, Model, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KINDS = ("text-classification",)
_HERE = "harness_language"
_TORCH = ("torch", "accelerate", "tokenizers", "safetensors.torch", "harness.torch_learner")
_SCHEMES = ("default", "random", "gaussian", "xavier")


def _initialisation(default: str) -> Setting:
    return Setting(
        default,
        "How weights are drawn: default (torch's), random N(0, 1), gaussian N(0, 0.02), xavier (Glorot uniform).",
        _SCHEMES,
    )


_COMMON = {
    "weight_decay": Setting(0.01, "AdamW's decay of the weights."),
    "batch_size": Setting(32, "Texts in a gradient step."),
}


class Tfidf(Model):
    """The baseline of text classification."""

    name = "tfidf"
    summary = "TF-IDF and logistic regression (scikit-learn)"
    imports = (
        "sklearn.feature_extraction.text",
        "sklearn.linear_model",
        "scipy",
        "safetensors.numpy",
        f"{_HERE}._tfidf",
    )
    kinds = _KINDS
    devices = ("cpu",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "inverse_regularisation": Setting(1.0, "Logistic regression's C; larger values regularise less."),
        "ngrams": Setting(1, "Longest n-gram of words; of characters in scripts without spaces, at least 2."),
        "min_documents": Setting(1, "N-grams in fewer documents are left out."),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_language._tfidf import TfidfLearner

        return TfidfLearner(assignment)


class Lstm(Model):
    """The LSTM of the Keras tutorials."""

    name = "lstm"
    summary = "Embedding 50, LSTM 100 with dropout, dense (sigmoid for two classes, softmax for more)"
    imports = (*_TORCH, f"{_HERE}._lstm")
    kinds = _KINDS
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = _COMMON | {
        "learning_rate": Setting(0.01, "Highest learning rate of AdamW."),
        "max_length": Setting(64, "Words read from a text."),
        "vocabulary": Setting(5000, "Number of words: the most frequent ones of the training split."),
        "dropout": Setting(0.2, "Share of units dropped in training, after embedding and LSTM."),
        "initialisation": _initialisation("default"),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_language._lstm import LstmLearner

        return LstmLearner(assignment)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_language._codecs import TokenCodec

        return TokenCodec.load(folder)


class Bert(Model):
    """BERT, pretrained by the harness."""

    name = "bert"
    summary = "BERT (transformers), pretrained on the task's unlabelled text, then fine-tuned"
    imports = (*_TORCH, "transformers.models.bert.modeling_bert", f"{_HERE}._bert", f"{_HERE}._bert_qa")
    kinds = (*_KINDS, "question-answering")
    sizes = ("tiny", "small", "base")
    pretraining = "masked-language"
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = _COMMON | {
        "learning_rate": Setting(0.001, "Highest learning rate of AdamW; 1e-4 suits base."),
        "max_length": Setting(128, "Tokens read from a text, at most 512."),
        "vocabulary": Setting(4096, "Tokens of the WordPiece vocabulary, which is trained on the training split."),
        "dropout": Setting(0.1, "Share of units dropped in training."),
        "initialisation": _initialisation("gaussian"),
        "positions": Setting(
            "noise",
            "Initial position embeddings: noise as other weights, or sinusoids, with similar neighbours.",
            ("noise", "sinusoids"),
        ),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner for the assignment's stage and data."""
        from harness_language._bert import BertClassifier, BertPretraining
        from harness_language._bert_qa import BertPointer

        if assignment.stage == "pretrain":
            return BertPretraining(assignment)
        return BertClassifier(assignment) if hasattr(assignment.data, "classes") else BertPointer(assignment)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_language._codecs import TokenCodec, read_description

        if read_description(folder)["classes"]:
            return TokenCodec.load(folder)
        from harness_language._bert_qa import PairCodec

        return PairCodec.load(folder)


class Overlap(Model):
    """The baseline of question answering."""

    name = "overlap"
    summary = (
        "The sentence that shares most with the question; in it the likeliest span: logistic regression (scikit-learn)"
    )
    imports = ("sklearn.linear_model", "scipy", "safetensors.numpy", f"{_HERE}._overlap")
    kinds = ("question-answering",)
    devices = ("cpu",)

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_language._overlap import OverlapLearner

        return OverlapLearner(assignment)


class Gpt(Model):
    """GPT, pretrained by the harness."""

    name = "gpt"
    summary = "GPT-2 (transformers), pretrained to continue the task's texts, then fine-tuned"
    imports = (*_TORCH, "transformers.models.gpt2.modeling_gpt2", f"{_HERE}._gpt")
    kinds = (*_KINDS, "language-modelling")
    sizes = ("tiny", "small", "base")
    pretraining = "causal-language"
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = _COMMON | {
        "learning_rate": Setting(0.001, "Highest learning rate of AdamW; 1e-4 suits base."),
        "max_length": Setting(128, "Tokens read from a text, at most 512."),
        "vocabulary": Setting(4096, "Tokens of the byte-pair vocabulary, which is trained on the training split."),
        "dropout": Setting(0.1, "Share of units dropped in training."),
        "initialisation": _initialisation("gaussian"),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner for the assignment's stage and data."""
        from harness_language import _gpt

        return _gpt.learner(assignment)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_language._codecs import CostCodec, TokenCodec, read_description

        return (TokenCodec if read_description(folder)["classes"] else CostCodec).load(folder)


class Ngram(Model):
    """The baseline of language modelling."""

    name = "ngram"
    summary = "Byte n-grams, interpolated (Witten-Bell)"
    imports = ("numpy", "safetensors.numpy", f"{_HERE}._ngram")
    kinds = ("language-modelling",)
    devices = ("cpu",)
    settings: ClassVar[Mapping[str, Setting]] = {"order": Setting(5, "Bytes of the longest n-gram, 1 to 7.")}

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_language._ngram import NgramLearner

        return NgramLearner(assignment)


class Mlp(Model):
    """A multi-layer perceptron."""

    name = "mlp"
    summary = "Multi-layer perceptron over hashed bags of words"
    imports = (*_TORCH, "sklearn.feature_extraction.text", f"{_HERE}._mlp")
    kinds = _KINDS
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = _COMMON | {
        "learning_rate": Setting(0.005, "Highest learning rate of AdamW."),
        "features": Setting(4096, "Buckets that words are hashed into."),
        "hidden": Setting((64,), "Units of each hidden layer."),
        "activation": Setting("relu", "After every hidden layer.", ("sigmoid", "tanh", "relu", "gelu", "silu")),
        "dropout": Setting(0.2, "Share of hidden units dropped in training."),
        "initialisation": _initialisation("xavier"),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_language._mlp import MlpLearner

        return MlpLearner(assignment)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_language._codecs import BagCodec, read_description

        return BagCodec(read_description(folder)["features"])


class Nearest(Model):
    """The baseline of translation, of information extraction and of open answers."""

    name = "nearest"
    summary = "The answer to the most similar training text: TF-IDF of character n-grams (scikit-learn)"
    imports = ("sklearn.feature_extraction.text", f"{_HERE}._nearest")
    kinds = ("translation", "information-extraction", "open-answers")
    devices = ("cpu",)
    settings: ClassVar[Mapping[str, Setting]] = {"ngrams": Setting(4, "Longest n-gram of characters.")}

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_language._nearest import NearestLearner

        return NearestLearner(assignment)


class Lead(Model):
    """The baseline of summarisation."""

    name = "lead"
    summary = "The first sentence of the text, without training"
    imports = (f"{_HERE}._lead",)
    kinds = ("summarization",)
    devices = ("cpu",)

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_language._lead import LeadLearner

        return LeadLearner(assignment)


class T5(Model):
    """T5, pretrained by the harness."""

    name = "t5"
    summary = "T5 (transformers), pretrained by span corruption, then fine-tuned to translate or to write answers"
    imports = (*_TORCH, "transformers.models.t5.modeling_t5", "sacrebleu", f"{_HERE}._t5")
    kinds = ("translation", "question-answering")
    sizes = ("tiny", "small")
    pretraining = "span-corruption"
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = _COMMON | {
        "batch_size": Setting(64, "Texts with their answers in a gradient step."),
        "learning_rate": Setting(0.03, "Highest learning rate of Adafactor, as a share of each matrix's size."),
        "weight_decay": Setting(0.0, "Adafactor's decay of the weights."),
        "max_length": Setting(64, "Tokens read from a text, or from a question with its context."),
        "max_new_tokens": Setting(48, "Most tokens of an answer, with its end token."),
        "pieces": Setting(2048, "Tokens of several characters, beside every character of the training split."),
        "dropout": Setting(0.0, "Share of units dropped in training."),
        "initialisation": _initialisation("default"),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner for the assignment's stage."""
        from harness_language import _t5

        return _t5.learner(assignment)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_language._codecs import TranslationCodec

        return TranslationCodec.load(folder)
