"""The answers that a store holds to open questions, and which of them a judge has graded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.errors import StoreError, unknown
from harness.names import data_name
from harness.records import Record, of_each_step

ANSWERING, GRADING = "open-answers", "answer-grading"
"""The task whose answers are graded unless another is named, and the task of judges."""
STEP = "grade"
"""The step of a record that holds human grades."""
_JUDGE = ("model", "size", "settings", "task", "task_settings", "start", "seed")
"""The parts of a spec in which two records of one judge agree."""


class Given(NamedTuple):
    """An answer that a model gave."""

    input: str
    reference: str
    """Empty where the data have none."""
    answer: str


def given_answers(records: Sequence[Record], task: str, data: str | None = None) -> list[Given]:
    """Return the different answers of all models to a task's test split, in order; no answer is none of them.

    Args:
        records: of any steps, oldest first.
        task: whose inputs and answers are texts.
        data: only the answers to data of this name.

    Raises:
        StoreError: there are none, or they are no texts; says what to do.
    """
    evaluations = [one for one in _evaluations(records, task) if one.answers.get("test")]
    if not evaluations:
        raise StoreError(
            f"The store has no answers of {task}. Ask a model first: harness run quick --task {task} --model MODEL"
        )
    names = {data_name(one.spec) for one in evaluations}
    if data is not None and data not in names:
        raise StoreError(unknown("data", data, names))
    answers = {answer for one in evaluations if data in (None, data_name(one.spec)) for answer in _answers(one)}
    if not answers:
        raise StoreError(f"Every answer of {task} in the store is empty: there is nothing to grade.")
    return sorted(answers)


def asked_of(records: Sequence[Record], judge: Mapping[str, Any]) -> dict[Given, int | None]:
    """Return the answers that a judge was asked to grade already, by a definition that still holds, with its grades.

    A grade is None where what the judge said is none.

    Args:
        records: of any steps, oldest first.
        judge: the spec of a planned step of it.
    """
    wanted = [judge[key] for key in _JUDGE]
    done = [one for one in _evaluations(records, GRADING) if [one.spec.get(key) for key in _JUDGE] == wanted]
    return {given: grade for one in done if not one.stale for given, grade in _grades(one)}


def _grades(record: Record) -> Iterable[tuple[Given, int | None]]:
    """Return what a judge graded in an evaluation, with its grades."""
    rows = zip(*(record.items["test"][name] for name in Given._fields), strict=True)
    return zip((Given(*row) for row in rows), record.answers["test"]["output"], strict=True)


def _evaluations(records: Iterable[Record], task: str) -> list[Record]:
    """Return the finished evaluations of a task, the newest of each step."""
    evaluations = [one for one in records if one.step == "evaluate" and one.spec["task"] == task]
    return [one for one in of_each_step(evaluations) if one.outcome == "ok"]


def _answers(record: Record) -> Iterable[Given]:
    """Yield the answers of an evaluation that are some."""
    items, outputs = record.items["test"], record.answers["test"]["output"]
    for question, reference, answer in zip(items["input"], items["reference"], outputs, strict=True):
        if not isinstance(question, str) or not isinstance(answer, str):
            raise StoreError(
                f"The answers of {record.spec['task']} are no texts, such as {answer!r:.40}: a judge grades texts. "
                f"Name a task whose answers are, such as {ANSWERING}."
            )
        if answer.strip():
            yield Given(question, _text(reference), answer)


def _text(reference: Any) -> str:
    """Return a reference answer, the first of several."""
    first = reference[0] if isinstance(reference, list) and reference else reference
    return first if isinstance(first, str) else ""
