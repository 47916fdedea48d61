"""What is measured and has no verdict, since no use case takes the data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from harness.facts import UseCase
from harness.names import data_name
from harness.records import Record


def unjudged(records: Iterable[Record], use_cases: Collection[UseCase]) -> list[tuple[str, str]]:
    """Return the evaluated tasks, each with its data, that no use case covers though some are for the task."""
    evaluated = {(one.spec["task"], data_name(one.spec)) for one in records if one.step == "evaluate" and one.metrics}
    tasks = {task for case in use_cases for task in case.tasks}
    return sorted(one for one in evaluated if one[0] in tasks and not any(case.covers(*one) for case in use_cases))


def in_words(measured: Iterable[tuple[str, str]]) -> str:
    """Return tasks and their data as a list."""
    return ", ".join(f"{data} ({task})" for task, data in measured)


def way_out(measured: Sequence[tuple[str, str]], use_cases: Iterable[UseCase], packaged: Collection[str]) -> str:
    """Return how data get a verdict: a name that a use case takes, or a use case of their own.

    Args:
        measured: tasks and their data that have none.
        use_cases: all that there are.
        packaged: names of data that come with tasks, which others cannot have.
    """
    tasks = {task for task, _ in measured}
    of_tasks = [case for case in use_cases if tasks & set(case.tasks)]
    names = [f"{name} ({case.name})" for case in of_tasks for name in case.data if name not in packaged]
    advice = f"If they are what a use case is about, run them with a --data-name it takes: {', '.join(names)}. Else w"
    return f"{advice if names else 'W'}rite one for them: harness new usecase NAME."
