"""The plan of `harness judge`: a model of the task `answer-grading` on a file with the answers of a store."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import HarnessError, StoreError, SuiteError
from harness_reports.measured.grades import USUAL_ORDER
from harness_reports.measured.open_answers import ANSWERING, GRADING, Given, asked_of

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.plugins import Plugins
    from harness.records import Record

FOLDER = "judged"
"""Below the artifacts of a store: files with the answers that were to be graded, by their digest."""
IN_FLIGHT = 16
"""Answers that are graded together."""
LISTED, SWAPPED = USUAL_ORDER, "best-first"
"""How the scale is listed to a judge, and how it is listed to check that this does not matter."""
Parts = Mapping[str, Sequence[Given]]
"""Order of the scale → the answers that are graded with it."""


@dataclass(frozen=True)
class Asking:
    """A judge, and how it is asked."""

    model: str
    """As the user names it, with a URL if it has one."""
    settings: Mapping[str, Any]
    rubric: str
    """As canonical JSON."""
    hardware: str = "cpu"
    spend_usd: float | None = None

    def plan(self, files: Mapping[str, Path], plugins: Plugins) -> Plan:
        """Return the evaluations of the judge; nothing is served.

        Args:
            files: order of the scale → the file with the answers.
            plugins: those that are installed.

        Raises:
            HarnessError: the judge or a setting of it is unknown, or it cannot grade.
        """
        from harness.plan import make_plan
        from harness.suite import ModelEntry, Source, Suite, SuiteBudgets, TaskEntry

        self._require_as_it_is(plugins)
        tasks = [
            TaskEntry(
                name=GRADING,
                data=str(file),
                data_name=f"answers-{file.stem[:8]}",
                settings={"rubric": self.rubric, "order": order},
            )
            for order, file in files.items()
        ]
        suite = Suite(
            name="judge",
            models=(ModelEntry(name=self.model, settings=dict(self.settings)),),
            tasks=tuple(tasks),
            hardware=(self.hardware,),
            starts=("as-is",),
            batch_sizes=(IN_FLIGHT,),
            budgets=SuiteBudgets(spend_usd=self.spend_usd),
        )
        plan = make_plan(suite, Source("judge", "name: judge"), plugins)
        return replace(plan, steps=tuple(step for step in plan.steps if step.kind == "evaluate"))

    def _require_as_it_is(self, plugins: Plugins) -> None:
        from harness.hooks import answer_of

        model, kind = plugins.find("models", self.model), plugins.find("tasks", GRADING).kind
        if kind in model.kinds and "as-is" not in answer_of(model, "starts_on", kind):
            raise SuiteError(
                f"{model.name} has to be trained, and a judge is asked as it is: openai:NAME@URL, or hf:FOLDER of a "
                f"checkpoint that writes. To train {model.name} on grades of people and hold it against others of "
                f"theirs: harness run quick --task {GRADING} --data graded.csv --task-setting rubric=rubric.yaml "
                f"--model {model.name}"
            )


def rubric_of(path: str, plugins: Plugins) -> str:
    """Return a rubric as canonical JSON.

    Raises:
        DataError: there is no such file, or it holds no sound rubric.
    """
    from harness.settings import filled

    if not path.strip():
        raise SuiteError("--rubric is empty. Name a YAML file with a rubric.")
    return str(filled({"rubric": path}, plugins.find("tasks", GRADING).settings)["rubric"])


def task_of(name: str, records: Sequence[Record], plugins: Plugins) -> str:
    """Return the name of a task whose answers can be graded.

    Raises:
        HarnessError: it is unknown, or it classifies: its answers are right or wrong by its data.
    """
    classes = plugins.find("tasks", GRADING).kind
    task = plugins.find("tasks", name)
    if task.kind != classes:
        return str(task.name)
    kinds = {each.name: each.kind for each in plugins.tasks.values()}
    free = {spec["task"] for spec in (record.spec for record in records if record.step == "evaluate")}
    others = ", ".join(sorted(one for one in free if kinds.get(one, classes) != classes))
    raise StoreError(
        f"{task.name} has no answers that are graded: they are classes, right or wrong by its data. Tasks in this "
        f"store with other answers: {others or 'none'}. Questions answered in free text: --task {ANSWERING}"
    )


def settings_of_judge(model: str, texts: Sequence[str], plugins: Plugins) -> dict[str, Any]:
    """Return the settings of the command line.

    Raises:
        HarnessError: the model is unknown, or a text is not NAME=VALUE.
    """
    from harness.choice import settings_of

    return dict(settings_of(texts, plugins.find("models", model).settings))


def amount(usd: float | None) -> float | None:
    """Return what may be spent.

    Raises:
        SuiteError: it is not above 0.
    """
    if usd is not None and not 0 < usd < math.inf:
        raise SuiteError("--spend-usd takes an amount above 0, in USD: --spend-usd 2.")
    return usd


def sample(answers: Sequence[Given], count: int) -> list[Given]:
    """Return some of the answers, in order: always the same of the same, whatever others there are beside them."""
    return sorted(sorted(answers, key=lambda one: _digest([one]))[:count])


class Left(NamedTuple):
    """What is left of the answers that a judge is to grade."""

    parts: Parts
    """Without those that it was asked to grade already."""
    without_grade: int
    """Of those, the ones that have no grade, as what it said is none."""


def not_asked(asking: Asking, parts: Parts, records: Sequence[Record], plugins: Plugins) -> Left:
    """Return the parts without the answers that the judge was asked to grade already."""
    with TemporaryDirectory() as folder:
        plan = asking.plan({order: write_answers(Path(folder), answers) for order, answers in parts.items()}, plugins)
    left, without = {}, set()
    for order, answers in parts.items():
        judge = next(step.spec for step in plan.steps if step.spec["task_settings"]["order"] == order)
        done = asked_of(records, judge)
        left[order] = [one for one in answers if one not in done]
        without |= {one for one in answers if one in done and done[one] is None}
    return Left({order: answers for order, answers in left.items() if answers}, len(without))


@contextmanager
def written(parts: Parts, root: Path, *, dry_run: bool) -> Iterator[dict[str, Path]]:
    """Write the answers to files of a store, and remove new ones if an error says that nothing can be done.

    Args:
        parts: what is to be graded.
        root: the folder of the store's artifacts.
        dry_run: write to a folder that is removed in the end.
    """
    if dry_run:
        with TemporaryDirectory() as folder:
            yield {order: write_answers(Path(folder), answers) for order, answers in parts.items()}
        return
    before = set(root.glob(f"{FOLDER}/*"))
    try:
        yield {order: write_answers(root / FOLDER, answers) for order, answers in parts.items()}
    except HarnessError:
        _remove(set(root.glob(f"{FOLDER}/*")) - before, [root / FOLDER, root])
        raise


def _remove(files: set[Path], folders: Sequence[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def write_answers(folder: Path, answers: Sequence[Given]) -> Path:
    """Write answers as JSON Lines under a name that their content decides, and return the file.

    Raises:
        StoreError: it cannot be written.
    """
    file = folder / f"{_digest(answers)[:16]}.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.is_file():
            part = file.with_suffix(".part")
            part.write_text("".join(f"{_line(one)}\n" for one in answers), encoding="utf-8")
            part.replace(file)
    except OSError as error:
        raise StoreError(
            f"The answers cannot be written to {str(folder)!r}: {error.strerror}. Free some space, or see that it is a "
            "folder that may be written."
        ) from error
    return file


def _digest(answers: Sequence[Given]) -> str:
    return hashlib.sha256("\n".join(map(_line, answers)).encode()).hexdigest()


def _line(one: Given) -> str:
    return json.dumps(one._asdict())
