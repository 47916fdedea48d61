"""The declarations of the tasks about open answers: answering, and grading what was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from harness import Data, Metric, Setting
from harness_language._settings import ANSWERS, OPEN_QUESTIONS
from harness_language.tasks import TextTask, written

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOURCE = "the functions and classes of scipy and scikit-learn; an answer is the first line of the documentation"
_LICENCE = "BSD-3-Clause"
_BY_RULE = {
    "name": "documented-functions",
    "as_of": "2026-11-27",
    "source": "by rule: the first line of the documentation of the function in question, or of another one",
    "question": "Does the answer say what the function or the class in question does?",
    "scale": {1: "it says what another one does", 2: "it says what this one does"},
    "good_from": 2,
}
"""The rubric of the default answers."""


def _as_rubric(value: str) -> str:
    from harness_language._rubric import as_setting

    return as_setting(value)


def _identity() -> str:
    from importlib.metadata import version

    from harness_language._functions import RULE

    return f"scipy {version('scipy')}, sklearn {version('scikit-learn')} functions, rule {RULE}"


class OpenAnswers(TextTask):
    """What functions and classes do, or the user's questions, answered in free text."""

    name = "open-answers"
    kind = "open-answers"
    summary = "Answer questions about technical documentation, or questions of your own, in free text"
    imports = ("regex", "harness_language.open_answers")
    metrics = (Metric(name="answered", unit="share", column="answered", ceiling=1.0),)
    settings = OPEN_QUESTIONS
    baseline = "nearest"
    source = _SOURCE
    licence = _LICENCE
    data_name = "documented-functions"

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the versions of the libraries and of the rule, or a source's digest and the settings."""
        if source is None:
            return _identity()
        from harness_language import _sources

        return f"{_sources.identity(source)} open answers {written(settings)}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Load the questions; no question and no answer of the default data is in two splits."""
        if source is not None:
            from harness_language import _open_answers

            return _open_answers.read(source, settings)
        from harness_language._functions import documented
        from harness_language._splits import divide
        from harness_language.open_answers import OpenAnswerData, OpenQuestion

        items = [OpenQuestion(*pair) for pair in documented()]
        rows = divide([one.input for one in items], [0] * len(items))
        return OpenAnswerData({split: [items[i] for i in numbers] for split, numbers in rows.items()})


class AnswerGrading(TextTask):
    """Answers with the grades of a rubric: a model of this task is a judge."""

    name = "answer-grading"
    kind = "text-classification"
    summary = "Grade answers to questions by a rubric: right and wrong ones by rule, or answers of your own"
    imports = ("harness_language.graded_answers",)
    metrics = (Metric(name="agreement", unit="share", column="correct", ceiling=1.0),)
    settings: ClassVar[Mapping[str, Setting]] = {
        "rubric": Setting(
            "",
            "YAML file with question, scale and source of the grades of your own answers, which must have one.",
            read=_as_rubric,
        ),
        "order": Setting(
            "worst-first", "How the scale is listed to models that are asked in words.", ("worst-first", "best-first")
        ),
        **ANSWERS,
    }
    baseline = "tfidf"
    pretrains_on = "text-classification"
    source = _SOURCE + "; half of the answers are those of another function"
    licence = _LICENCE
    data_name = "documented-answers"

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the versions of the libraries and of the rule and the settings, or a source's digest with them."""
        if source is None:
            return f"{_identity()} graded, {settings['order']}"
        from harness_language import _sources

        return f"{_sources.identity(source)} graded {written(settings)}"

    def check(self, source: str | None, settings: Mapping[str, Any]) -> Data | None:
        """Check that default answers are graded by their own rubric, or load the user's source; nothing is written.

        Raises:
            DataError: names the file, row or column that is wrong, or what the rubric lacks.
        """
        if source is None and settings["rubric"]:
            from harness import DataError

            raise DataError("The default answers have a rubric of their own. Leave rubric out, or give data of yours.")
        return super().check(source, settings)

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Load the answers; no question of the default data is in two splits."""
        if source is not None:
            from harness_language import _graded_answers

            return _graded_answers.read(source, settings)
        from harness_language._functions import documented, paired
        from harness_language._rubric import checked
        from harness_language._splits import divide
        from harness_language.graded_answers import GradedAnswer, GradingData

        items = documented()
        rows = divide([question for question, _ in items], [0] * len(items))
        splits = {
            split: [GradedAnswer(question, "", answer, 2 if right else 1) for question, answer, right in made]
            for split, made in ((split, paired([items[i] for i in numbers])) for split, numbers in rows.items())
        }
        return GradingData(checked("The default rubric", _BY_RULE), splits, settings["order"])
