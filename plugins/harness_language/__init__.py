"""Texts: classification, language modelling, question answering, translation, extraction, summaries; their models.

Tasks `text-classification`, `language-modelling`, `question-answering`, `translation`, `information-extraction`,
`summarization`, `open-answers` and `answer-grading`; models `tfidf`, `mlp`, `lstm`, `bert`, `gpt`, `ngram`, `overlap`,
`nearest`, `lead` and `t5`. Nothing heavy is imported here.
"""

from collections.abc import Iterable
from pathlib import Path

from harness import Model, Task, Template, UseCase, hookimpl
from harness_language.models import T5, Bert, Gpt, Lead, Lstm, Mlp, Nearest, Ngram, Overlap, Tfidf
from harness_language.open_tasks import AnswerGrading, OpenAnswers
from harness_language.tasks import (
    InformationExtraction,
    LanguageModelling,
    QuestionAnswering,
    Summarization,
    TextClassification,
    Translation,
)

__all__ = ["harness_models", "harness_tasks", "harness_templates", "harness_use_cases"]

_TEMPLATES = Path(__file__).with_name("templates")


@hookimpl
def harness_tasks() -> Iterable[Task]:
    """Return the tasks."""
    return [
        TextClassification(),
        LanguageModelling(),
        QuestionAnswering(),
        Translation(),
        InformationExtraction(),
        Summarization(),
        OpenAnswers(),
        AnswerGrading(),
    ]


@hookimpl
def harness_models() -> Iterable[Model]:
    """Return the models."""
    return [Tfidf(), Mlp(), Lstm(), Bert(), Gpt(), Ngram(), Overlap(), Nearest(), Lead(), T5()]


@hookimpl
def harness_use_cases() -> Iterable[UseCase]:
    """Return the use cases."""
    from harness.use_case_file import read_use_cases

    return read_use_cases(Path(__file__).parent / "use_cases")


@hookimpl
def harness_templates() -> Iterable[Template]:
    """Return the templates of a model and of a task."""
    return [
        Template(
            "model", "A network for texts", _TEMPLATES / "model.py", "run quick --plugin my_name.py --model my-name"
        ),
        Template(
            "task",
            "Texts with a class each",
            _TEMPLATES / "task.py",
            "run quick --plugin my_name.py --task my-name --model tfidf",
        ),
    ]
