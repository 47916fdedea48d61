"""Texts: classification tasks and the models for them.

Tasks `topics` and `sentiment`; models `tfidf`, `lstm`, `bert` and `mlp`. Nothing heavy is imported here.
"""

from collections.abc import Iterable

from harness import Model, Task, UseCase, hookimpl
from harness_language.models import Bert, Lstm, Mlp, Tfidf
from harness_language.tasks import Sentiment, Topics

__all__ = ["harness_models", "harness_preload", "harness_tasks", "harness_use_cases"]


@hookimpl
def harness_tasks() -> Iterable[Task]:
    """Bring the tasks."""
    return [Topics(), Sentiment()]


@hookimpl
def harness_models() -> Iterable[Model]:
    """Bring the models, cheapest first."""
    return [Tfidf(), Mlp(), Lstm(), Bert()]


@hookimpl
def harness_use_cases() -> Iterable[UseCase]:
    """Bring the use cases."""
    from harness_language.use_cases import USE_CASES

    return USE_CASES


@hookimpl
def harness_preload() -> Iterable[str]:
    """Name what the steps import; `_corpus` is the default texts, read once for all workers."""
    return [
        "torch",
        "accelerate",
        "transformers.models.bert.modeling_bert",
        "tokenizers",
        "safetensors.torch",
        "sklearn.feature_extraction.text",
        "sklearn.linear_model",
        "datasets",
        "harness.torch_learner",
        "harness_language._corpus",
        "harness_language._tfidf",
        "harness_language._mlp",
        "harness_language._lstm",
        "harness_language._bert",
    ]
